"""Validates a running simulator's answers against an OpenAPI description of Procore's REST API, with an independent
validator: every GET of the description that the simulator offers, in every documented view, every sync, and the answers of
creates and updates. Also checks the headers that the description lists. Exits 1 if anything disagrees.

Nullability is left out: the description is not authoritative about it, so every field may be null. What is not there at all
is listed with `--missing`; it is no disagreement, because views leave fields out.

    python run.py http://127.0.0.1:8430 openapi.json [--missing]
"""

import json
import sys

import requests
from openapi_schema_validator import OAS30Validator

# Views that answer with bare ids, which the description does not describe.
BARE = {"ids", "ids_only"}
# Not offered by the simulator: webhooks, and writes of projects and people.
SKIPPED = ("/webhooks/", "/oauth/", "/rest/v1.0/projects/sync")


def nullable(schema):
    """Lets every schema below also be null."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: nullable(value) for key, value in schema.items()}
    if "type" in schema or "enum" in schema or "allOf" in schema:
        if isinstance(schema.get("type"), str):
            schema["nullable"] = True
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    return schema


class Run:
    def __init__(self, url, description):
        self.url = url
        self.spec = {**description, **{key: nullable(description[key]) for key in ("paths", "components")}}
        self.checked, self.problems, self.absent = 0, [], {}
        form = {"grant_type": "client_credentials", "client_id": "simulator-client", "client_secret": "simulator-secret"}
        token = requests.post(f"{url}/oauth/token", data=form, timeout=30).json()["access_token"]
        self.company = self.admin("GET", "companies").json()[0]["id"]
        self.headers = {"Authorization": f"Bearer {token}", "Procore-Company-Id": str(self.company)}
        self.known = {"company_id": self.company, "user_id": self.call("GET", "/rest/v1.0/me").json()["id"]}
        self.prepare()

    def admin(self, method, path, body=None):
        answer = requests.request(method, f"{self.url}/admin/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer

    def truth(self, resource):
        lines = self.admin("GET", f"companies/{self.company}/directory?resource={resource}").text.splitlines()
        return [row for row in map(json.loads, lines) if not row.get("gone")]

    def call(self, method, path, query=None, body=None):
        return requests.request(method, self.url + path, params=query, json=body, headers=self.headers, timeout=30)

    def prepare(self):
        """Rows for every path: a vendor on a project, a user, an inactive vendor, and made-up insurances."""
        pair = self.truth("associations")[0]
        self.known.update(vendor_id=pair["vendor_id"], project_id=pair["project_id"])
        base = f"companies/{self.company}"
        self.admin("POST", f"{base}/insurances", {"count": 20, "rows": [pair]})
        asleep = next(row for row in self.truth("vendors") if row["is_active"] and row["id"] != pair["vendor_id"])
        others = [row for row in self.truth("vendors") if row["is_active"] and row["id"] not in (pair["vendor_id"], asleep["id"])]
        self.asleep = others[-1]["id"]
        self.admin("PATCH", f"{base}/vendors/{self.asleep}", {"is_active": False})
        users = self.call("GET", f"/rest/v1.3/companies/{self.company}/users").json()
        self.user = users[0]["id"]

    def id_for(self, path):
        if "insurances" in path:
            made = self.call("POST", self.fill(path.removesuffix("/{id}")), body={"insurance": self.insurance(path)})
            return made.json()["id"]
        if "/users/" in path:
            return self.user
        if "/inactive/" in path:
            return self.asleep
        return self.known["vendor_id"] if "/vendors/" in path else self.known["project_id"]

    def fill(self, path):
        for name, value in self.known.items():
            path = path.replace("{" + name + "}", str(value))
        return path.replace("{id}", str(self.id_for(path))) if "{id}" in path else path

    def insurance(self, path):
        fields = {
            "insurance_type": "General Liability", "name": "Outside Mutual", "policy_number": "1", "limit": "1000000.00",
            "effective_date": "2026-01-01", "expiration_date": "2027-01-01", "status": "compliant", "notes": "n",
        }
        return fields if "/vendors/{vendor_id}/" in path or "/vendors/" in path else {**fields, "vendor_id": self.known["vendor_id"]}

    def body_of(self, method, path):
        company = {"company_id": self.company}
        if path.endswith("/sync"):
            if "insurances" in path:
                good = {**self.insurance(path), "origin_id": f"validator:{path}"}
                return {"updates": [{**good, **company} if path == "/rest/v1.0/insurances/sync" else good, {**company, "id": 1}]}
            return {**company, "updates": [{"name": "Outside Co", "city": "Gary"}, {"id": 1, "name": "Nobody"}]}
        if "insurances" in path:
            return {"insurance": self.insurance(path)} if method != "DELETE" else None
        if "actions" in path or "/inactive/" in path:
            return None
        return {**company, "vendor": {"name": "Outside Co", "city": "Gary"}}

    def check(self, method, path, operation):
        views = next((one["schema"].get("enum", []) for one in operation.get("parameters", []) if one["name"] == "view"), [])
        views = [view for view in views if view and view not in BARE] if method == "GET" else []
        for view in [None, *views]:
            query = {"view": view} if view else {}
            wanted = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
            query.update({name: self.known[name] for name in ("company_id", "project_id") if name in wanted})
            body = None if method == "GET" else self.body_of(method, path)
            self.judge(method, path, view, operation, self.call(method, self.fill(path), query, body))

    def judge(self, method, path, view, operation, answer):
        self.checked += 1
        name = f"{method} {path}" + (f" view={view}" if view else "")
        response = operation["responses"].get(str(answer.status_code))
        if response is None or answer.status_code >= 300:
            self.problems.append(f"{name}: {answer.status_code} {answer.text[:200]}")
            return
        for header in response.get("headers", {}):
            if header not in answer.headers and not header.startswith("X-Rate-Limit"):
                self.problems.append(f"{name}: no header {header}")
        schema = response.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            if answer.content:
                self.problems.append(f"{name}: a body where none is described")
            return
        if not answer.headers.get("Content-Type", "").startswith("application/json"):
            self.problems.append(f"{name}: {answer.headers.get('Content-Type')}")
        value = answer.json()
        if value == []:
            self.problems.append(f"{name}: an empty list proves nothing")
        validator = OAS30Validator({**schema, "components": self.spec["components"]}, format_checker=OAS30Validator.FORMAT_CHECKER)
        for error in list(validator.iter_errors(value))[:3]:
            where = "/".join(map(str, error.absolute_path))
            self.problems.append(f"{name}: {where}: {error.message[:200]}")
        if view is None:
            self.compare_keys(name, schema, value)

    def compare_keys(self, name, schema, value):
        """Notes fields of the first row that are described and absent, or there and not described."""
        while "$ref" in schema:
            schema = self.spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        if isinstance(value, dict) and "entities" in value:
            schema, value = schema["properties"]["entities"], value["entities"]
        if schema.get("type") == "array" and isinstance(value, list):
            schema, value = schema["items"], value[0] if value else None
        while "$ref" in schema:
            schema = self.spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        described = set(schema.get("properties", {}))
        if isinstance(value, dict) and described:
            missing, more = sorted(described - set(value)), sorted(set(value) - described)
            if missing or more:
                self.absent[name] = (missing, more)

    def all(self):
        """Reads first, then writes: a write must not empty what a read looks at."""
        for writes in (False, True):
            for path, operations in self.spec["paths"].items():
                for method, operation in operations.items():
                    method = method.upper()
                    if method not in ("GET", "POST", "PATCH", "DELETE") or (method != "GET") != writes:
                        continue
                    if any(part in path for part in SKIPPED) or (writes and path.endswith("/people")):
                        continue
                    self.check(method, path, operation)


def main():
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if len(arguments) != 2:
        sys.exit("usage: python run.py SIMULATOR_URL OPENAPI_FILE [--missing]")
    with open(arguments[1], encoding="utf-8") as file:
        run = Run(arguments[0].rstrip("/"), json.load(file))
    run.all()
    if "--missing" in sys.argv:
        for name, (missing, more) in run.absent.items():
            print(f"{name}\n  described, absent: {', '.join(missing) or '-'}\n  not described: {', '.join(more) or '-'}")
    for problem in run.problems:
        print(problem)
    print(f"{run.checked} answers, {len(run.problems)} problems")
    sys.exit(1 if run.problems else 0)


if __name__ == "__main__":
    main()
