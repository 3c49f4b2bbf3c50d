"""What browsers make of the security headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from viz.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.journey
def test_scripts_of_others_do_not_run(app_url: str, browser: Browser) -> None:
    page = browser.new_page()
    violations: list[str] = []
    page.on("console", lambda message: violations.append(message.text))
    page.goto(app_url)
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      const image = document.createElement("div");
      image.innerHTML = "<img src=x onerror='window.ran = true'>";
      document.body.append(image);
    }""")
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in violations)
    page.close()


@pytest.mark.slow
def test_no_page_of_the_app_breaks_the_policy(app_url: str, browser: Browser) -> None:
    page = browser.new_page()
    page.add_init_script("""
      window.broken = [];
      document.addEventListener("securitypolicyviolation", (event) =>
        window.broken.push(`${event.violatedDirective} ${event.blockedURI}`));
    """)
    for name in [entry.name for entry in PAGES]:
        page.goto(f"{app_url}/{name}")
        page.wait_for_selector("[data-test-script-state=notRunning]")
        page.locator("[data-testid=stMain] .stElementContainer >> visible=true").first.wait_for()
        assert page.evaluate("window.broken") == [], name
    page.close()


@pytest.mark.journey
def test_a_stranger_cannot_show_the_app_in_a_frame(app_url: str, browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(f"<iframe src='{app_url}'></iframe>")
    page.wait_for_timeout(500)
    assert page.frames[1].url.startswith("chrome-error:")
    page.close()
