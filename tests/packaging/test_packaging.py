"""The files around the product agree with each other: settings, .env.example, docker-compose.yml, Dockerfile, locks."""

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "PUBLISH"}
START_ONLY = {"HOST", "PORT"}


def settings_names() -> set[str]:
    return set(re.findall(r"\benv\.[a-z_]+\(\s*\"([A-Z_]+)\"", (ROOT / "webmail/settings.py").read_text()))


def example_names() -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(document, dict)
    return document


def test_the_example_explains_every_setting_and_no_other() -> None:
    assert example_names() == settings_names() | COMPOSE_ONLY | START_ONLY


def test_compose_passes_on_only_names_that_the_settings_know(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "migrate", "mailserver"):
        assert set(compose["services"][name]["environment"]) <= settings_names()


def test_compose_asks_for_secrets_instead_of_inventing_them(compose: dict[str, Any]) -> None:
    environment = compose["services"]["web"]["environment"]
    for name in ("SECRET_KEY", "CREDENTIAL_KEYS", "ALLOWED_HOSTS"):
        assert environment[name].startswith("${" + name + ":?")
    assert "${POSTGRES_PASSWORD:?" in environment["DATABASE_URL"]
    assert compose["services"]["db"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")


def test_every_variable_of_compose_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used <= example_names()


def test_services_volumes_and_dependencies_exist(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"db", "migrate", "web", "worker", "mailserver"} == set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services)
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(compose["volumes"])
        if name != "migrate":
            assert "healthcheck" in service
    assert services["mailserver"]["profiles"] == ["demo"]


def test_containers_do_not_run_as_root_and_cannot_gain_rights(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "migrate", "mailserver"):
        assert compose["services"][name]["cap_drop"] == ["ALL"]
        assert compose["services"][name]["read_only"] is True
    for stage in re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[3:]:
        assert "\nUSER webmail\n" in stage


def test_compose_builds_stages_that_the_dockerfile_has(compose: dict[str, Any]) -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    targets = {service["build"]["target"] for service in compose["services"].values() if "build" in service}
    assert targets <= stages


def test_what_the_dockerfile_copies_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert source in allowed


def test_every_dependency_is_locked_with_hashes_and_without_an_index_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[\[<>=~!]", entry)[0].lower() for entry in project["project"]["dependencies"]}
    for name in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt", "requirements-node.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--index-url" not in text
        pins = re.findall(r"^([a-z0-9._-]+)==[^\\\n]+\\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9._-]+(?:\[[a-z]+\])?==", text, re.MULTILINE))
        assert pins
        if name != "requirements-node.txt":
            assert wanted <= set(pins)


def test_lock_files_of_one_checkout_agree_on_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))

    production = pins("requirements.txt")
    for name in ("requirements-demo.txt", "requirements-dev.txt"):
        assert {package: pins(name).get(package) for package in production} == production


def test_npm_packages_are_pinned_exactly_and_locked_without_addresses() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    lock = json.loads((ROOT / "package-lock.json").read_text())
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    for name, entry in lock["packages"].items():
        assert "resolved" not in entry
        assert not name or entry["integrity"].startswith("sha512-")


def test_scripts_can_be_executed() -> None:
    for script in (ROOT / ".ci").iterdir():
        assert script.stat().st_mode & stat.S_IXUSR
        assert script.read_text().startswith("#!/bin/bash\n")
