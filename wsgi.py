"""The door for a WSGI server: `granian --interface wsgi wsgi:app`, settings from the environment."""

from outreach.assemble import assemble
from outreach.settings import load_settings
from outreach.web.app import create_app

app = create_app(assemble(load_settings()))
