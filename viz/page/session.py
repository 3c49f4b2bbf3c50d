"""The URL is the whole state: parameters, how they are read, and how they are written.

A page declares its parameters once. ``PageState`` brings a link's values into the session
before the widgets are made; its ``publish`` writes what differs from the defaults back
after them. Widgets share the parameter's name as their key and pass no default of their own.

Streamlit's ``bind="query-params"`` cannot serve here: a bound slider whose bounds follow
the other settings drops a clamped value from the link, and what it ignores it ignores
silently.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from viz.params import MAX_TEXT, SHELL, SHELL_NAMES, Param, decode, query
from viz.server.streamlit_private import widget_id, widgets_of_the_browser

SETTLING = 3.0
"""Seconds in which a new widget is told its value in every run: a busy browser may draw two runs
that follow each other as one, the second, in which the widget would start at its lowest value."""


class PageState:
    """The values of one page in one visitor's session.

    They live in one dictionary of the session: Streamlit walks all session keys for every
    widget it makes. Only the widgets that are drawn have keys of their own; ``give`` hands
    a value to a widget just before it is made.

    Attributes:
        values: name to value, after the URL, the widgets and the callbacks have spoken.
        ignored: one clause for each parameter of the URL that was ignored.
        adopted: how often a link has set the values; the picture follows when it changes.
        from_link: whether a link has set them since the last run that came to its end.
    """

    def __init__(self, page: str, params: Sequence[Param]) -> None:
        self.params = params
        self._store: dict[str, Any] = st.session_state.setdefault(f"page:{page}", {})
        if "page" not in st.session_state:
            st.session_state["sent"] = _sent_by_the_browser()
        self._read(page)
        self._store |= {
            "values": self.values,
            "params": params,
            "by_name": {param.name: param for param in params},
        }
        self.adopted: int = self._store["adopted"]
        self.ignored: list[str] = self._store["ignored"]
        self.from_link: bool = self._store.get("published", 0) != self.adopted

    def changed(self, *names: str) -> bool:
        """Whether the visitor has changed one of these values since the last run."""
        before = self._store.get("kept")
        if self.from_link or before is None:
            return False
        return any(before[name] != self.values[name] for name in names)

    def ignore(self, *clauses: str) -> None:
        """Note what of the link does not fit its other settings, and was ignored."""
        self.ignored.extend(clause for clause in clauses if clause not in self.ignored)

    def note(self, sentences: Sequence[str], *apart: str) -> None:
        """Note what was changed so that the settings fit; said until the visitor changes one.

        Args:
            sentences: one for each change.
            apart: parameters that only say what is looked at.
        """
        settings = {name: value for name, value in self.values.items() if name not in apart}
        before, notes = self._store.get("notes", (None, ()))
        self._store["notes"] = settings, sentences or (notes if before == settings else ())

    def _read(self, page: str) -> None:
        """A first visit and the browser's Back button take the URL; coming back from another
        page takes what was left there; otherwise the widgets' own values stand. (The URL
        arrives late when things are done fast: it counts only in a run that nothing else
        has set off.)
        """
        read_shell(page)
        store, query = self._store, page_query()
        returning = st.session_state.get("page") != page
        st.session_state["page"] = page
        # Of a first run that a click has cut short there are values, and nothing published yet.
        kept = store.get("kept", store.get("values"))
        told = store.pop("pending", None)  # what callbacks have changed, None without any
        if kept is None or (returning and query):
            self._adopt(query)
        elif returning:
            self.values = dict(kept)
            store["adopted"] += 1
        else:
            self.values = _with_widgets(kept, self.params) | (told or {})
            if self.values != kept:
                store["ignored"] = []  # the visitor has moved on
            elif told is None and query != store["url"]:
                self._adopt(query)

    def _adopt(self, query: Mapping[str, str]) -> None:
        self.values, self._store["ignored"] = decode(self.params, query)
        self._store["adopted"] = self._store.get("adopted", 0) + 1
        self._store.setdefault("url", dict(query))

    def place(self) -> None:
        """Hand values that were changed since the last run to the widgets that have them."""
        live = st.session_state.to_dict()
        for name, value in self.values.items():
            if name in live and live[name] != value:
                st.session_state[name] = value

    def tell(self) -> None:
        """Say what of the link was ignored or changed, and what no link can carry."""
        clauses = "; ".join([*_shell_store()["ignored"], *self.ignored])
        if clauses:
            st.warning(f"Part of the link was ignored: {clauses}.")
        for sentence in self._store.get("notes", (None, ()))[1]:
            st.warning(sentence)
        for param in self.params:
            if len(param.format(self.values[param.name])) > MAX_TEXT:
                what = "This network" if param.name == "layers" else f"`{param.name}`"
                st.info(f"{what} is too long for a link: the address opens this page without it.")

    def publish(self) -> None:
        """Write the state that this run ends with into the URL, without the defaults."""
        store = self._store
        values = _with_widgets(self.values, self.params)
        url, told = query(self.params, values), shell_query()
        if st.query_params.to_dict() != url | told:
            st.query_params.from_dict(url | told)
        store |= {"kept": values, "url": url, "values": values, "published": self.adopted}
        _shell_store()["url"] = told
        sent = st.session_state.pop("sent", {})  # until a first run has come to its end
        moved = [name for name in values if name in sent and values[name] != self.values[name]]
        if moved:  # the picture was drawn before the widgets had spoken
            unread = {name: self.values[name] for name in moved if not _is_read(name, sent[name])}
            store["pending"] = unread  # of another release's page: the link's values stand
            st.rerun()


def _parted(query: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """A link's parameters: the page's own, and those of every page."""
    told = {name: text for name, text in query.items() if name in SHELL_NAMES}
    return {name: text for name, text in query.items() if name not in told}, told


def _shell_store() -> dict[str, Any]:
    store: dict[str, Any] = st.session_state.setdefault("shell", {})
    return store


def read_shell(page: str) -> dict[str, Any]:
    """The values of `SHELL` in a run of this page; to be asked before its `PageState` is made.

    They follow the link as a page's values do, but stay where a visitor goes on to a page whose
    address does not name them.
    """
    store, told = _shell_store(), _parted(st.query_params.to_dict())[1]
    moved_on = st.session_state.get("page") not in (None, page)
    pending = store.pop("pending", None)
    if pending is not None:
        store |= {"values": store["values"] | pending, "ignored": []}
    elif "values" not in store or (told if moved_on else told != store["url"] and not _acted(page)):
        values, ignored = decode(SHELL, told)
        store |= {"values": values, "ignored": ignored, "url": told}
    elif moved_on or _acted(page):
        store["ignored"] = []
    found: dict[str, Any] = store["values"]
    return found


def _acted(page: str) -> bool:
    """Whether a widget or a callback of the page has set off this run: then its URL is old."""
    store = st.session_state.get(f"page:{page}", {})
    kept = store.get("kept")
    return kept is not None and ("pending" in store or _with_widgets(kept, store["params"]) != kept)


def page_query() -> dict[str, str]:
    """The page's own part of the address as it stands."""
    return _parted(st.query_params.to_dict())[0]


def change_shell(values: Mapping[str, Any]) -> None:
    """Callback of what changes values of `SHELL`."""
    _shell_store().setdefault("pending", {}).update(values)
    # The page's part of the URL may be old in this run: its own values stand.
    st.session_state.get(f"page:{st.session_state.get('page')}", {}).setdefault("pending", {})


def shell_query(**values: Any) -> dict[str, str]:
    """`SHELL`'s part of a link, as this run has it but for the given values."""
    return query(SHELL, _shell_store()["values"] | values)


def _with_widgets(values: Mapping[str, Any], params: Sequence[Param]) -> dict[str, Any]:
    """The values, those that have a widget as their widgets stand, unless that breaks a rule:
    a browser can send anything. One look at the session: asking it for a key that is not there
    is slow."""
    live = st.session_state.to_dict()
    told = {p.name: live.get(p.name, values[p.name]) for p in params}
    moved = [p for p in params if told[p.name] != values[p.name]]
    return {**values, **{p.name: told[p.name] for p in moved if p.allows(told[p.name])}}


def give(values: Mapping[str, Any], name: str, *identity: object) -> str:
    """Hand a value to the widget that is about to be made; returns the widget's key.

    ``identity``: what, besides the key, makes Streamlit take the widget for a new one that
    starts at its lowest value: the bounds of a slider.
    """
    made = st.session_state.setdefault("made", {})
    if name not in made and name in st.session_state.get("sent", {}):
        made[name] = identity, time.monotonic()
        return name  # a browser whose server has restarted, and what was clicked since then
    before, since = made.get(name, (None, 0.0))
    now = time.monotonic()
    if name not in st.session_state or before != identity:
        st.session_state[name] = values[name]
        since = now
    elif now - since < SETTLING:
        st.session_state[name] = st.session_state[name]
    made[name] = identity, since
    return name


def _sent_by_the_browser() -> dict[str, str]:
    """Key → id of the widgets for which the browser sent values with the request of this run.

    The first run of a session has such widgets only where the browser returns to a server that has
    restarted. Streamlit offers no public way to ask for them: it shows a value by its key only after
    the widget was made.
    """
    return {name.split("-", 2)[-1]: name for name in widgets_of_the_browser()}  # $$ID-<hash>-<key>


def _is_read(key: str, sent: str) -> bool:
    """Whether the widget of a key has the id that the browser sent a value for."""
    return widget_id(key) == sent


def current(page: str) -> dict[str, Any]:
    """The page's values, for callbacks: those of the last run and the widgets since."""
    store = st.session_state[f"page:{page}"]
    return _with_widgets(store["kept"], store["params"])


def link(page: str, also: Mapping[str, str] | None = None) -> str:
    """The address that opens the page as it stands in this run.

    Args:
        page: name of the page.
        also: parameters besides the page's own; none of `SHELL` without it.
    """
    store = st.session_state[f"page:{page}"]
    told = query(store["params"], _with_widgets(store["values"], store["params"]))
    text = urlencode({**told, **(also or {})})
    address = urlsplit(st.context.url or f"/{page}")
    return address._replace(path=address.path or "/", query=text, fragment="").geturl()


def change(page: str, values: Mapping[str, Any]) -> None:
    """Callback of everything that changes values other than through their own widgets; what
    breaks a rule of a link is left as it is."""
    store = st.session_state[f"page:{page}"]
    rules = {param.name: param for param in store["params"]}
    kept = {n: v for n, v in values.items() if n not in rules or rules[n].allows(v)}
    store.setdefault("pending", {}).update(kept)


def _by_name() -> dict[str, Param]:
    store = st.session_state[f"page:{st.session_state['page']}"]
    by_name: dict[str, Param] = store["by_name"]
    return by_name


def declared(name: str) -> Param:
    """The parameter of that name of the page that is open. KeyError where it has none."""
    return _by_name()[name]


def has(name: str) -> bool:
    """Whether the page that is open has a parameter of that name."""
    return name in _by_name()
