"use strict";
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({ url: place.dataset.url, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
