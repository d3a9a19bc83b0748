// Reads a running simulator with Procore's own SDK, unmodified: companies, vendors and insurances over several pages, and
// projects, and compares what was read with what the simulator says it has. Exits 1 on the first disagreement.
//
// The SDK has no client credentials grant, so the token is taken by hand; everything after it goes through the SDK.
//
//     node run.mjs http://127.0.0.1:8430

import assert from "node:assert/strict";
import sdk from "@procore/js-sdk";

const url = process.argv[2];
if (!url) {
  console.error("usage: node run.mjs SIMULATOR_URL");
  process.exit(2);
}
const PAGE = 50;

const admin = async (method, path, body) => {
  const options = { method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body) };
  const answer = await fetch(`${url}/admin/${path}`, options);
  assert.ok(answer.ok, `admin ${path}: ${answer.status}`);
  return answer;
};
const truth = async (company, resource) => {
  const lines = await (await admin("GET", `companies/${company}/directory?resource=${resource}`)).text();
  return lines.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line)).filter((row) => !row.gone);
};

const form = { grant_type: "client_credentials", client_id: "simulator-client", client_secret: "simulator-secret" };
const login = await fetch(`${url}/oauth/token`, { method: "POST", body: new URLSearchParams(form) });
const { access_token: token } = await login.json();
assert.ok(token, "no token");

const [company] = await (await admin("GET", "companies")).json();
const client = sdk.client(sdk.oauth(token), {}, { apiHostname: url, defaultCompanyId: company.id });

// Reads a list to its end the way the SDK's guide does: by the `next` of the Link header.
const all = async (endpoint) => {
  const rows = [];
  for (let page = 1; ; page += 1) {
    const { body, response } = await client.get({ ...endpoint, qs: { ...endpoint.qs, page, per_page: PAGE } });
    assert.equal(response.headers.get("Per-Page"), String(PAGE));
    rows.push(...body);
    if (!(response.headers.get("Link") ?? "").includes('rel="next"')) {
      assert.equal(response.headers.get("Total"), String(rows.length));
      return { rows, pages: page };
    }
  }
};
const same = (name, read, expected) => {
  const ids = (rows) => rows.map((row) => row.id).sort((one, other) => one - other);
  assert.deepEqual(ids(read.rows), ids(expected), `${name} differ`);
  console.log(`${name}: ${read.rows.length} rows on ${read.pages} pages`);
  return read.rows;
};

await admin("POST", `companies/${company.id}/insurances`, { count: 2 * PAGE + 1 });

const info = await client.get({ base: "/me", qs: { company_id: company.id } });
assert.equal(typeof info.body.id, "number");
const companies = await all({ base: "/companies" });
assert.ok(companies.rows.some((row) => row.id === company.id && row.name === company.name));
console.log(`companies: ${companies.rows.length} rows`);

const vendors = same(
  "vendors",
  await all({ base: "/vendors", qs: { company_id: company.id } }),
  (await truth(company.id, "vendors")).filter((row) => row.is_active),
);
assert.ok(vendors.length > 2 * PAGE, "start the simulator with more than 100 vendors");
same(
  "projects",
  await all({ base: "/projects", version: "v1.1", qs: { company_id: company.id } }),
  (await truth(company.id, "projects")).filter((row) => row.active && row.permitted),
);
const insurances = same(
  "insurances",
  await all({ base: "/companies/{company_id}/insurances", params: { company_id: company.id } }),
  (await truth(company.id, "insurances")).filter((row) => row.project_id === null),
);
assert.ok(insurances.every((row) => "insurance_provider" in row && !("name" in row)));

// The writes as an application would make them: a sync, an error inside a 200, and a DELETE without a body.
const base = "/companies/{company_id}/insurances";
const params = { company_id: company.id };
const origin_id = `outside-${Date.now()}`;
const updates = [{ vendor_id: vendors[1].id, origin_id, name: "Outside Mutual", limit: "1000000.00" }, { id: 1, notes: "nobody" }];
const { body: synced } = await client.patch({ base, params, action: "sync" }, { updates });
assert.equal(synced.entities[0].insurance_provider, "Outside Mutual");
assert.equal(synced.entities[0].limit, "1000000.0");
assert.deepEqual(synced.errors[0].errors, { id: ["Entity with this ID not found"] });
const one = { base, params: { ...params, id: synced.entities[0].id } };
const deleted = await client.delete(one, undefined, { formatter: (response) => response.text() });
assert.equal(deleted.body, "");
await assert.rejects(client.get(one), (refused) => refused.response.status === 404 && "error" in refused.body);
console.log("agreed");
