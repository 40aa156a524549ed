"""What people come for: sign in, order a preheat, change a limit and undo it, make a token, watch."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys
from sqlalchemy import select
from sqlalchemy.orm import Session

from manager.db.jobs import Job, JobFile, JobStep, JobTarget
from tests.console.browser import Browser, browsing
from tests.console.site import PASSWORD, Site
from tests.console.swarm import task_id_of


def test_a_wrong_password_is_said_and_a_right_one_leads_on(site: Site) -> None:
    with browsing(site.url) as browser:
        browser.open("/jobs?phase=FAILURE")
        assert browser.path.startswith("/signin?next=")
        browser.fill("input[name=name]", "ada")
        browser.fill("input[name=password]", "wrong" + Keys.ENTER)
        browser.until(lambda: "wrong" in browser.find(".form-error").text)
        browser.fill("input[name=password]", PASSWORD + Keys.ENTER)
        browser.until(lambda: browser.path == "/jobs?phase=FAILURE")
        browser.find("summary.avatar").click()
        browser.find("button[data-call*=signout]").click()
        browser.until(lambda: browser.path == "/signin")
        browser.open("/jobs")
        assert browser.path.startswith("/signin")


def test_a_preheat_is_ordered_step_by_step(browser: Browser) -> None:
    browser.open("/jobs/new")
    browser.find("#next").click()
    assert browser.focused() != "body"
    browser.fill("input[name='args.url']", "acme/tiny")
    browser.fill("input[name='args.revision']", "v2")
    browser.press(Keys.ENTER)
    browser.find("input[value=all_peers]").click()
    browser.find("select[name=some]").send_keys("A share")
    browser.fill("input[name='args.percentage']", "25")
    assert browser.find("#summary").text == "Bring hf://acme/tiny to 25 % of the hosts, now."
    command = " ".join(browser.find("#command").text.replace("\\", "").split())
    assert command == "dfctl job preheat hf://acme/tiny --revision v2 --scope all --percentage 25"
    browser.find("#next").click()
    browser.find("input[name=time][value=cron]").click()
    browser.fill("input[name=cron]", "0 6 * * 1")
    browser.find("#wizard [type=submit]").click()
    browser.until(lambda: browser.path.startswith("/jobs/") and browser.path != "/jobs/new")
    assert browser.find("h1").text == "hf://acme/tiny"
    assert "25 % of all hosts" in browser.find(".sub").text
    assert "Scheduled" in browser.find("[data-part=head]").text


def test_a_version_is_preheated_from_where_it_lies(browser: Browser) -> None:
    browser.open("/models/meta-llama/Llama-3.3-70B-Instruct")
    browser.find(".head a[href^='/jobs/new']").click()
    browser.until(lambda: browser.all("#summary"))
    place = "dffs://models/models/meta-llama/Llama-3.3-70B-Instruct/latest"
    assert browser.find("#summary").text in (
        f"Bring {place} to one seed, now.",
        f"Bring {place.removesuffix('latest')}production to one seed, now.",
    )


def test_what_rest_refuses_is_said_in_the_form(browser: Browser) -> None:
    browser.open("/jobs/new")
    browser.find("input[value=files]").click()
    browser.fill("textarea[name='args.urls']", "ftp://example.com/x")
    for _ in range(2):
        browser.find("#next").click()
    browser.find("#wizard [type=submit]").click()
    browser.until(lambda: "must begin with" in browser.find("#wizard .form-error").text)
    browser.complaints()


def test_a_limit_is_changed_and_undone(browser: Browser) -> None:
    limit = "input[name='peer_cluster_config.upload_rate_limit']"
    browser.open("/clusters/1")
    assert browser.find(limit).get_attribute("value") == ""
    browser.fill(limit, "750" + Keys.ENTER)
    browser.until(lambda: "upload_rate_limit: 750000000" in browser.find("#history").text)
    assert browser.find(limit).get_attribute("value") == "750"
    kept = browser.find("textarea[name$='task.download.urls']").get_attribute("value")
    assert kept == r"^https://example\.com/"
    browser.find("#history button").click()
    browser.find("dialog[open] .danger").click()
    browser.until(lambda: "undid a change" in browser.find("#history").text)
    assert browser.find(limit).get_attribute("value") == ""


def test_a_token_is_shown_once(browser: Browser) -> None:
    browser.open("/tokens")
    browser.find("button[data-dialog=new-token]").click()
    browser.fill("dialog[open] input[name=name]", "nightly")
    browser.find("dialog[open] [type=submit]").click()
    token = browser.find("dialog[open] .secret span").text
    assert len(token) > 20
    browser.find("dialog[open] .secret ~ .actions button, dialog[open] form .actions .primary")
    browser.press(Keys.ESCAPE)
    browser.until(lambda: "nightly" in browser.find(".table").text)
    assert token not in browser.driver.page_source


def test_a_download_moves_on_without_a_reload(site: Site, browser: Browser) -> None:
    browser.open(f"/tasks/{task_id_of(0)}")
    browser.script("window.mine = true")
    before = browser.find("[data-part=tiles]").text
    browser.until(lambda: browser.find("[data-part=tiles]").text != before)
    assert browser.script("return window.mine")
    assert browser.find("#live").text == "Live"
    pixels = browser.script(
        "const c = document.querySelector('#swarm'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; return d.filter((v) => v > 0).length"
    )
    assert pixels > 1000


def test_steps_of_a_job_move_on_without_a_reload(site: Site, browser: Browser) -> None:
    browser.open("/jobs/1")
    browser.script("window.mine = true")
    row = browser.find("[data-part=work] tbody tr").text
    file, host = row.split()[:2]
    done = browser.find("[data-part=tiles]").text

    def end_it(session: Session) -> None:
        named = select(JobFile.no).where(JobFile.job_id == 1, JobFile.name == file)
        on = select(JobTarget.no).where(JobTarget.job_id == 1, JobTarget.hostname == host)
        key = (1, session.scalars(named).one(), session.scalars(on).one())
        step, job = session.get_one(JobStep, key), session.get_one(Job, 1)
        step.state, step.done_bytes = "done", step.size_bytes or 0
        job.done_steps += 1

    site.change(end_it)
    browser.until(lambda: row not in browser.find("[data-part=work]").text)
    assert browser.find("[data-part=tiles]").text != done
    assert browser.script("return window.mine")


def test_focus_and_selection_survive_the_news(browser: Browser) -> None:
    browser.open("/tasks")
    browser.press("j")
    name = browser.focused()
    before = browser.find("[data-part=list]").text
    browser.until(lambda: browser.find("[data-part=list]").text != before)
    assert browser.focused() == name


def test_a_silent_scheduler_becomes_an_alarm_and_goes(site: Site, browser: Browser) -> None:
    browser.open("/")
    site.swarm.silent = True
    try:
        browser.until(lambda: "does not answer" in browser.find("#alarms").text)
    finally:
        site.swarm.silent = False
    browser.until(lambda: "does not answer" not in browser.find("#alarms").text)


def test_the_chart_has_a_day_as_well(browser: Browser) -> None:
    browser.open("/")
    browser.find("[data-span=coarse]").click()
    browser.until(
        lambda: browser.find("[data-span=coarse]").get_attribute("aria-pressed") == "true"
    )
    assert browser.complaints() == []


@pytest.mark.parametrize("index", [0, 5])
def test_a_dot_leads_to_its_host(browser: Browser, index: int) -> None:
    browser.open(f"/hosts/at/{index}?open")
    assert browser.path.startswith("/hosts/10.0.0.")
