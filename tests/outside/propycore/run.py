"""Reads a running simulator with the public Python client ProPyCore, unmodified: companies, vendors over several pages,
the vendors of a project, and projects. Compares what was read with what the simulator says it has; exits 1 on a disagreement.

The client leaves `Procore-Company-Id` out of some calls, as Procore still lets it: for the run, the simulator only counts
missing headers instead of refusing them.

    python run.py http://127.0.0.1:8430
"""

import json
import sys

import requests
from ProPyCore.procore import Procore

PAGE = 50


def main(url):
    def admin(method, path, body=None):
        answer = requests.request(method, f"{url}/admin/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer

    def truth(resource):
        lines = admin("GET", f"companies/{company['id']}/directory?resource={resource}").text.splitlines()
        return [row for row in map(json.loads, lines) if not row.get("gone")]

    def same(name, read, expected):
        read, expected = sorted(row["id"] for row in read), sorted(row["id"] for row in expected)
        if read != expected:
            sys.exit(f"{name} differ: read {len(read)}, there are {len(expected)}")
        print(f"{name}: {len(read)} rows")

    company = admin("GET", "companies").json()[0]
    settings = admin("GET", "settings").json()
    admin("PUT", "settings", {**settings, "company_header": "warn"})
    try:
        client = Procore("simulator-client", "simulator-secret", "", url, url)
        found = client.companies.find(company["id"])
        if found["name"] != company["name"]:
            sys.exit(f"the company is called {found['name']}")
        print(f"companies: {len(client.companies.get())} rows")

        vendors = client.directory.vendors.get(company["id"], per_page=PAGE)
        if len(vendors) <= 2 * PAGE:
            sys.exit("start the simulator with more than 100 vendors")
        same("vendors", vendors, [row for row in truth("vendors") if row["is_active"]])
        visible = [row for row in truth("projects") if row["permitted"]]
        same("projects", client.projects.get(company["id"], per_page=10), visible)
        same("company projects", client.companies.get_projects(company["id"]), [row for row in visible if row["active"]])

        project = next(row for row in visible if row["vendors"] > 0)
        members = client.directory.vendors.get(company["id"], project_id=project["id"], per_page=2)
        on_project = {row["vendor_id"] for row in truth("associations") if row["project_id"] == project["id"]}
        same("project vendors", members, [row for row in truth("vendors") if row["id"] in on_project and row["is_active"]])
        person = client.directory.vendors.find(company["id"], vendors[-1]["name"])
        if person["name"] != vendors[-1]["name"]:
            sys.exit("a vendor was not found by its name")
    finally:
        admin("PUT", "settings", settings)
    print("agreed")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python run.py SIMULATOR_URL")
    main(sys.argv[1].rstrip("/"))
