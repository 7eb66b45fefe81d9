"""Settings: environment variables ``OUTREACH_*`` and a ``.env`` file become one frozen object.

The environment wins over ``.env``. All faults are listed at once; a misspelt name is one of them, since a
setting that is silently ignored is worse than a start that fails. Secrets are in no repr and no fault.

``python -m outreach.settings > docs/settings.md`` writes the reference.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from dotenv.parser import parse_stream

from outreach import settings_kinds as kinds
from outreach.domain.errors import Fault, Invalid

PREFIX = "OUTREACH_"
IGNORED_PREFIX = "OUTREACH_TEST_"
"""The test suite's own."""
ENVIRONMENT, ENV_FILE = "environment", ".env"


@dataclass(frozen=True)
class Settings:
    """Made by ``load_settings`` only. Paths are absolute."""

    data_dir: Path
    root: Path
    """The folder that holds ``playbooks/`` and ``templates/``."""
    outbox_dir: Path
    host: str
    port: int
    public_url: str
    """Without a slash at its end."""
    threads: int
    tick_seconds: float
    log_format: str
    log_level: str
    cookie_secure: bool
    max_body: int
    """Bytes of a request with one event."""
    max_batch_body: int
    """Bytes of a request with many."""
    batch_limit: int
    rate_limits: bool
    proxies: int
    rehearsal_to: tuple[str, ...] = field(repr=False)
    database_url: str = field(repr=False)
    provider_timeout: float
    """Seconds that a provider may take for one call."""
    alert_services: tuple[str, ...]
    mail_from: str
    mail_domains: tuple[str, ...]
    reply_domain: str
    twilio_account_sid: str
    twilio_auth_token: str = field(repr=False)
    twilio_auth_token_next: str = field(repr=False)
    twilio_from: str
    twilio_messaging_service_sid: str
    twilio_caller_id: str
    twilio_base_url: str
    twilio_rate: float
    twilio_a2p: str
    twilio_answers_stop: bool
    sendgrid_api_key: str = field(repr=False)
    sendgrid_base_url: str
    sendgrid_rate: float
    sendgrid_verify_key: str
    sendgrid_verify_key_next: str
    sendgrid_inbound_secret: str = field(repr=False)
    sendgrid_inbound_secret_next: str = field(repr=False)
    sendgrid_hold_groups: tuple[str, ...]
    smtp_host: str
    smtp_port: int
    smtp_user: str = field(repr=False)
    smtp_password: str = field(repr=False)
    smtp_security: str
    smtp_rate: float
    oidc_issuer: str
    """Without a slash at its end."""
    oidc_client_id: str
    oidc_client_secret: str = field(repr=False)
    oidc_name: str
    passwords: bool
    given_secret_key: str = field(default="", repr=False)
    given_endpoint_key: str = field(default="", repr=False)

    @cached_property
    def secret_key(self) -> str:
        """Signs sessions and links. Made and kept in ``data_dir/secret.key`` when not given."""
        return self.given_secret_key or kept_key(self.data_dir / "secret.key")

    @cached_property
    def endpoint_key(self) -> bytes:
        """Keys the hashes of erased and opted-out endpoints: losing it forgets who must not be contacted."""
        return (self.given_endpoint_key or kept_key(self.data_dir / "endpoint.key")).encode()


class Row(NamedTuple):
    """One setting, as the reference shows it."""

    variable: str
    default: str
    meaning: str
    secret: bool


class _Setting(NamedTuple):
    name: str
    read: Callable[[str], Any]
    default: str
    """As one would write it; words in parentheses are worked out from other settings."""
    meaning: str
    secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()


_SETTINGS = (
    _Setting("data_dir", Path, "./var", "Folder for what this machine keeps: the SQLite file, the keys, the outbox."),
    _Setting("root", Path, "(the folder you are in if it has playbooks/, else the project's)",
             "Folder that holds `playbooks/` and `templates/`."),
    _Setting("database_url", kinds.database, "(sqlite file outreach.db in the data folder)",
             "Where everything is stored: `sqlite:////path/outreach.db` or `postgresql://user:password@host/name`.",
             secret=True),
    _Setting("outbox_dir", Path, "(outbox in the data folder)", "Folder for messages that no provider takes."),
    _Setting("secret_key", kinds.secret, "(made once, kept in secret.key in the data folder)",
             "Signs sessions and links. Give the same one to all machines.", secret=True),
    _Setting("endpoint_key", kinds.secret, "(made once, kept in endpoint.key in the data folder)",
             "Keys the hashes of erased and opted-out phone numbers and addresses. Back it up: without it a person "
             "who was erased can be contacted again. Give the same one to all machines, and never change it.",
             secret=True),
    _Setting("host", kinds.host, "127.0.0.1", "Address to listen on."),
    _Setting("port", kinds.whole(1, 65535), "8000", "Port to listen on."),
    _Setting("public_url", kinds.url, "(http://host:port)", "The address that people's browsers use; links in mails begin so."),
    _Setting("proxies", kinds.whole(0, 5), "0", "How many trusted proxies in front set X-Forwarded-For and -Proto."),
    _Setting("cookie_secure", kinds.yes_no, "(true when the public address is https)", "Send cookies over https only."),
    _Setting("threads", kinds.whole(1, 64), "16", "Requests worked on at the same time."),
    _Setting("tick_seconds", kinds.seconds, "2", "How often the clock looks for what is due."),
    _Setting("log_format", kinds.one_of("text", "json"), "text", "`json`: one object per line."),
    _Setting("log_level", kinds.one_of("debug", "info", "warning", "error"), "info", "The least that is logged: debug, info, warning or error."),
    _Setting("max_body", kinds.size, "1 MiB", "Largest request with one event."),
    _Setting("max_batch_body", kinds.size, "8 MiB", "Largest request with many events."),
    _Setting("batch_limit", kinds.whole(1, 10_000), "1000", "Most events in one request."),
    _Setting("rate_limits", kinds.yes_no, "true", "Slow down who asks too often."),
    _Setting("rehearsal_to", kinds.addresses, "(nobody)",
             "While a provider is in rehearsal only these addresses and phone numbers are contacted; the rest goes "
             "to the outbox.", secret=True),
    # How mails are addressed, whoever carries them.
    _Setting("mail_from", kinds.address, "(the sender of company.yaml)",
             "The verified address that mails leave from, under the account manager's name."),
    _Setting("mail_domains", kinds.domains, "(none)",
             "Mail domains that the provider has verified: account managers with an address there write from it."),
    _Setting("reply_domain", kinds.domain, "(none: answers go to the account manager's own address)",
             "Domain whose mail the provider hands to us, so that an answer finds its message again."),
    _Setting("provider_timeout", kinds.seconds, "10", "How long a provider may take for one call."),
    _Setting("alert_services", kinds.words, "slack, discord, gchat, pover, tgram, workflow",
             "Services, by Apprise's schemes, at which colleagues may say on their page that they are reached. Whoever may name one that "
             "takes a server's name (`json`, `mailto`, `ntfy`) can have this machine speak to any other in its network. `none`: nobody is "
             "reached away from the desk."),
    # Twilio: SMS and calls.
    _Setting("twilio_account_sid", kinds.sid("AC"), "(none: SMS go to the outbox, calls are dialled by hand)",
             "The account at Twilio."),
    _Setting("twilio_auth_token", kinds.key, "(none)", "Its token; it signs what Twilio sends us, too.", secret=True),
    _Setting("twilio_auth_token_next", kinds.key, "(none)",
             "The secondary token, while the first is being changed: both are believed.", secret=True),
    _Setting("twilio_from", kinds.phone, "(none)", "Our number for SMS."),
    _Setting("twilio_messaging_service_sid", kinds.sid("MG"), "(none)", "A Messaging Service, instead of one number."),
    _Setting("twilio_caller_id", kinds.phone, "(the number for SMS)", "The number that customers see when we ring."),
    _Setting("twilio_base_url", kinds.url, "(Twilio's own)", "Another address for Twilio's API, for tests."),
    _Setting("twilio_rate", kinds.rate, "1", "SMS and calls a second, at most."),
    _Setting("twilio_a2p", kinds.text, "(none: no SMS to the United States)",
             "The registered A2P 10DLC campaign, or the verified toll-free number, for SMS to the United States."),
    _Setting("twilio_answers_stop", kinds.yes_no, "true",
             "Whether Twilio answers STOP, START and HELP itself, as it does unless that was switched off."),
    # SendGrid: mail.
    _Setting("sendgrid_api_key", kinds.key, "(none)", "Key with the right to send mail and to read and write suppressions.", secret=True),
    _Setting("sendgrid_base_url", kinds.url, "(SendGrid's own)", "Another address for SendGrid's API, for tests."),
    _Setting("sendgrid_rate", kinds.rate, "10", "Mails a second, at most."),
    _Setting("sendgrid_verify_key", kinds.text, "(none: what SendGrid reports is refused)",
             "The public key of the signed event webhook."),
    _Setting("sendgrid_verify_key_next", kinds.text, "(none)", "The new public key, while the old one is still in use."),
    _Setting("sendgrid_inbound_secret", kinds.secret, "(none: incoming mail is refused)",
             "Password of the inbound-parse address, which SendGrid does not sign.", secret=True),
    _Setting("sendgrid_inbound_secret_next", kinds.secret, "(none)", "The new password, while the old one is still in use.", secret=True),
    _Setting("sendgrid_hold_groups", kinds.numbers, "(none)",
             "Unsubscribe groups of the company's own marketing: held customers are put into them and taken out again."),
    # SMTP: mail, where there is no SendGrid.
    _Setting("smtp_host", kinds.host, "(none: mails go to the outbox)", "A mail server that sends for us."),
    _Setting("smtp_port", kinds.whole(1, 65535), "587", "Its port."),
    _Setting("smtp_user", kinds.text, "(none)", "User there.", secret=True),
    _Setting("smtp_password", kinds.text, "(none)", "Password there.", secret=True),
    _Setting("smtp_security", kinds.one_of("starttls", "tls", "none"), "starttls", "How the line is protected: starttls, tls or none."),
    _Setting("smtp_rate", kinds.rate, "5", "Mails a second, at most."),
    # Signing in by the company's own OpenID provider.
    _Setting("oidc_issuer", kinds.issuer, "(none: people sign in with a password)",
             "The company's OpenID provider: the address before `/.well-known/openid-configuration`."),
    _Setting("oidc_client_id", kinds.text, "(none)", "What the provider calls us."),
    _Setting("oidc_client_secret", kinds.text, "(none)", "What we prove it with.", secret=True),
    _Setting("oidc_name", kinds.text, "Company account", "What people call the provider: *Sign in with …*"),
    _Setting("passwords", kinds.yes_no, "on", "Whether people may sign in with a password; `off` leaves the provider alone."),
)  # fmt: skip


def describe() -> list[Row]:
    """Every setting, in the order of the reference."""
    return [Row(one.variable, one.default, one.meaning, one.secret) for one in _SETTINGS]


def load_settings(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """Reads ``environ`` and ``cwd/.env`` (this process's own when not given). Raises ``Invalid`` with all faults.

    Nothing is written here; the keys are made when they are first asked for.
    """
    environ = os.environ if environ is None else environ
    cwd = (Path.cwd() if cwd is None else cwd).absolute()
    faults: list[Fault] = []
    given = {**_env_file(cwd / ENV_FILE, faults), **_ours(environ)}
    faults += _unknown(given)
    values = {one.name: _read(one, given, faults) for one in _SETTINGS}
    if values["root"] and not _absolute(values["root"], cwd).is_dir():
        where = given["OUTREACH_ROOT"]
        faults.append(
            Fault(
                where.file,
                where.line,
                1,
                "OUTREACH_ROOT: there is no such folder",
                "name the folder that holds playbooks/ and templates/",
            )
        )
    faults += _incomplete(values, given)
    if faults:
        raise Invalid(faults)
    return _settings(values, cwd)


_GO_TOGETHER = (
    ("twilio_from", "twilio_account_sid", "a number alone sends nothing"),
    ("twilio_messaging_service_sid", "twilio_account_sid", "a service alone sends nothing"),
    ("twilio_caller_id", "twilio_account_sid", "a number alone rings nobody"),
    ("sendgrid_hold_groups", "sendgrid_api_key", "groups are kept with that key"),
    ("twilio_account_sid", "twilio_auth_token", "Twilio needs both"),
    ("twilio_auth_token", "twilio_account_sid", "Twilio needs both"),
    ("smtp_password", "smtp_user", "a password needs a user"),
    ("smtp_user", "smtp_password", "a user needs a password"),
    ("oidc_issuer", "oidc_client_id", "the provider has to know who asks"),
    ("oidc_issuer", "oidc_client_secret", "the provider has to know who asks"),
    ("oidc_client_id", "oidc_issuer", "an id alone lets nobody in"),
    ("oidc_client_secret", "oidc_issuer", "a secret alone lets nobody in"),
)


def _incomplete(values: Mapping[str, Any], given: Mapping[str, _Given]) -> list[Fault]:
    """Half a provider is a fault at the start, not at the first customer."""
    faults = []
    for one, other, why in _GO_TOGETHER:
        if values.get(one) and not values.get(other):
            where = given[PREFIX + one.upper()]
            name, missing = PREFIX + one.upper(), PREFIX + other.upper()
            if not _is_given(other, given):
                faults.append(Fault(where.file, where.line, 1, f"{name} is set and {missing} is not", why))
    if values.get("passwords") is False and not _is_given("oidc_issuer", given):
        where = given["OUTREACH_PASSWORDS"]
        what = "passwords are off and no provider is set"
        faults.append(Fault(where.file, where.line, 1, what, "set OUTREACH_OIDC_ISSUER, or nobody comes in"))
    if values.get("sendgrid_api_key") and values.get("smtp_host"):
        where = given["OUTREACH_SMTP_HOST"]
        faults.append(
            Fault(
                where.file, where.line, 1, "both SendGrid and SMTP are set", "mail leaves one way: remove one"
            )
        )
    return faults


def _is_given(name: str, given: Mapping[str, _Given]) -> bool:
    where = given.get(PREFIX + name.upper())
    return where is not None and bool(where.text.strip())


class _Given(NamedTuple):
    text: str
    file: str
    line: int = 0


def _ours(environ: Mapping[str, str]) -> dict[str, _Given]:
    return {name: _Given(text, ENVIRONMENT) for name, text in environ.items() if _is_ours(name)}


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and not name.startswith(IGNORED_PREFIX)


def _env_file(path: Path, faults: list[Fault]) -> dict[str, _Given]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        faults.append(
            Fault(str(path), 0, 0, f"cannot be read ({type(error).__name__})", "make it a UTF-8 text file")
        )
        return {}
    found: dict[str, _Given] = {}
    for binding in parse_stream(StringIO(text)):
        blank = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:blank].count("\n")
        if binding.error:
            faults.append(Fault(str(path), line, 1, "this line cannot be read", "write NAME=value"))
        elif binding.key and _is_ours(binding.key):
            found[binding.key] = _Given(binding.value or "", str(path), line)
    return found


def _unknown(given: Mapping[str, _Given]) -> list[Fault]:
    known = [one.variable for one in _SETTINGS]
    return [
        Fault(where.file, where.line, 1, f"there is no setting {name}",
              f"remove it, or see docs/settings.md{kinds.did_you_mean(name, known)}")
        for name, where in given.items() if name not in known
    ]  # fmt: skip


def _read(setting: _Setting, given: Mapping[str, _Given], faults: list[Fault]) -> Any:
    """The value; None when nothing was given and the default is worked out. An empty text is nothing."""
    where = given.get(setting.variable, _Given("", ENVIRONMENT))
    text = where.text.strip() or ("" if setting.default.startswith("(") else setting.default)
    if not text:
        return None
    try:
        if "\0" in text:
            raise ValueError("remove the NUL character")
        return setting.read(text)
    except ValueError as remedy:
        shown = "this" if setting.secret else f"`{text[:60]}`"
        faults.append(
            Fault(where.file, where.line, 1, f"{setting.variable}: {shown} will not do", str(remedy))
        )
        return None


_TEXTS = (
    "mail_from", "reply_domain", "twilio_account_sid", "twilio_auth_token", "twilio_auth_token_next", "twilio_from",
    "twilio_messaging_service_sid", "twilio_caller_id", "twilio_base_url", "twilio_a2p", "sendgrid_api_key",
    "sendgrid_base_url", "sendgrid_verify_key", "sendgrid_verify_key_next", "sendgrid_inbound_secret",
    "sendgrid_inbound_secret_next", "smtp_host", "smtp_user", "smtp_password",
    "oidc_issuer", "oidc_client_id", "oidc_client_secret",
)  # fmt: skip
"""Empty when not given."""


def _settings(values: dict[str, Any], cwd: Path) -> Settings:
    """Fills in what is worked out from other settings."""
    data = _absolute(values["data_dir"], cwd)
    url = values["public_url"] or f"http://{values['host']}:{values['port']}"
    secure = values["cookie_secure"]
    worked_out = {
        "data_dir": data,
        "root": _absolute(values["root"], cwd) if values["root"] else _root(cwd),
        "outbox_dir": _absolute(values["outbox_dir"], cwd) if values["outbox_dir"] else data / "outbox",
        "database_url": values["database_url"] or f"sqlite:///{data / 'outreach.db'}",
        "public_url": url,
        "cookie_secure": url.startswith("https:") if secure is None else secure,
        "rehearsal_to": values["rehearsal_to"] or (),
        **{name: values[name] or "" for name in _TEXTS},
        **{name: values[name] or () for name in ("mail_domains", "sendgrid_hold_groups")},
        "given_secret_key": values.pop("secret_key") or "",
        "given_endpoint_key": values.pop("endpoint_key") or "",
    }
    return Settings(**{**values, **worked_out})


def _absolute(path: Path, cwd: Path) -> Path:
    return cwd / path.expanduser()


def _root(cwd: Path) -> Path:
    return cwd if (cwd / "playbooks").is_dir() else Path(__file__).resolve().parent.parent


# --- keys -------------------------------------------------------------------------------------------


def kept_key(path: Path) -> str:
    """The key in the file, made on first use. Processes that start together agree on one."""
    try:
        return _check_key(path, path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)  # readable by us only
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(handle)
        os.link(temporary, path)  # fails when somebody else was first: theirs counts
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink(missing_ok=True)
    return _check_key(path, path.read_text(encoding="ascii").strip())


def _check_key(path: Path, key: str) -> str:
    """A truncated key file must not become a guessable key."""
    if len(key) < kinds.SECRET_LENGTH:
        remedy = "restore it from a backup, or delete it to have a new one made"
        raise Invalid([Fault(str(path), 1, 1, f"holds less than {kinds.SECRET_LENGTH} characters", remedy)])
    return key


# --- the reference ------------------------------------------------------------------------------------


def as_markdown() -> str:
    """docs/settings.md."""
    lines = [
        "# Settings", "",
        "Made by `python -m outreach.settings` from the table that the program itself reads. Do not edit.", "",
        "Set them in the environment or in a file `.env` in the folder you start from; the environment wins. Nothing",
        "needs to be set. A name that begins with `OUTREACH_` and is not in this table stops the start, with all other",
        "faults and their remedies listed. Values marked *secret* are shown nowhere.", "",
        "| variable | default | meaning |", "|---|---|---|",
    ]  # fmt: skip
    for row in describe():
        default = row.default[1:-1] if row.default.startswith("(") else f"`{row.default}`"
        lines.append(f"| `{row.variable}` | {default} | {row.meaning}{' *Secret.*' if row.secret else ''} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")  # noqa: T201
