// The viewer of the OpenAPI document. All addresses are relative: the service may be found below a path of a proxy.
"use strict";

async function show() {
  const answer = await fetch("openapi.json");
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  said.servers = [{ url: new URL(".", location).pathname.replace(/\/$/, "") || "/" }];
  SwaggerUIBundle({ spec: said, dom_id: "#viewer", deepLinking: true, validatorUrl: null });
}

show().catch((error) => {
  document.querySelector("#viewer").textContent = error.message;
});
