"""The URL is the whole state: parameters, how they are read, and how they are written.

A page declares its parameters as fields of one class of `viz.params.Settings`. ``PageState``
brings a link's values into the session before the widgets are made; its ``publish`` writes what
differs from the defaults back after them. Widgets share the parameter's name as their key and
pass no default of their own. Between the two a page works with frozen settings; it changes them
by setting ``state.values`` to others.

Streamlit's ``bind="query-params"`` cannot serve here: a bound slider whose bounds follow
the other settings drops a clamped value from the link, and what it ignores it ignores
silently.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import streamlit as st

from viz.params import MAX_TEXT, SHELL, SHELL_NAMES, Param, Settings, decode, query
from viz.server.streamlit_private import widget_id, widgets_of_the_browser

SETTLING = 3.0
"""Seconds in which every run sets a new widget's value again: a busy browser may draw two runs
that follow each other as one, the second, in which the widget would start at its lowest value."""

S = TypeVar("S", bound=Settings)


class PageState(Generic[S]):
    """The settings of one page in one visitor's session.

    Their values live in one dictionary of the session: Streamlit walks all session keys for every
    widget it makes. Only the widgets that are drawn have keys of their own; `bind_widget` sets
    the value of such a key just before its widget is made.

    Attributes:
        ignored: one clause for each parameter of the URL that was ignored.
        adopted: number of times that a link has set the values; the picture starts anew when it
            changes.
        from_link: whether a link has set the values since the last run that came to its end.
    """

    def __init__(self, page: str, settings: type[S]) -> None:
        params = settings.params()
        self.params = params
        self._store: dict[str, Any] = st.session_state.setdefault(f"page:{page}", {})
        if "page" not in st.session_state:
            st.session_state["sent"] = _sent_by_the_browser()
        self.values = settings.of(self._read(page))
        self._store |= {"params": params, "by_name": {param.name: param for param in params}}
        self.adopted: int = self._store["adopted"]
        self.ignored: list[str] = self._store["ignored"]
        self.from_link: bool = self._store.get("published", 0) != self.adopted

    @property
    def values(self) -> S:
        """The settings after the URL, the widgets and the callbacks have spoken."""
        return self._values

    @values.setter
    def values(self, values: S) -> None:
        self._values = values
        self._store["values"] = values.flat

    def changed(self, *names: str) -> bool:
        """Whether the visitor has changed one of these values since the last run."""
        before = self._store.get("published_values")
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
        settings = {n: value for n, value in self.values.flat.items() if n not in apart}
        before, notes = self._store.get("notes", (None, ()))
        self._store["notes"] = settings, sentences or (notes if before == settings else ())

    def _read(self, page: str) -> dict[str, Any]:
        """The values by name. A first visit and the browser's Back button take the URL; coming back from another
        page takes what was left there; otherwise the widgets' own values stand. (The URL
        arrives late when things are done fast: it counts only in a run that nothing else
        has set off.)
        """
        read_shell(page)
        store, query = self._store, page_query()
        returning = st.session_state.get("page") != page
        st.session_state["page"] = page
        # Of a first run that a click has cut short there are values, and nothing published yet.
        before = store.get("published_values", store.get("values"))
        changes = store.pop("pending", None)  # by callbacks; None without any
        if before is None or (returning and query):
            return self._adopt(query)
        if returning:
            store["adopted"] += 1
            return dict(before)
        values = _with_widgets(before, self.params) | (changes or {})
        if values != before:
            store["ignored"] = []  # the visitor has moved on
        elif changes is None and query != store["url"]:
            return self._adopt(query)
        return values

    def _adopt(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The values of a link, which replace those of the session."""
        values, self._store["ignored"] = decode(self.params, query)
        self._store["adopted"] = self._store.get("adopted", 0) + 1
        self._store.setdefault("url", dict(query))
        return values

    def update_widgets(self) -> None:
        """Set the widgets whose values were changed since the last run by anything else."""
        live = st.session_state.to_dict()
        for name, value in self.values.flat.items():
            if name in live and live[name] != value:
                st.session_state[name] = value

    def show_warnings(self) -> None:
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
        store, drawn = self._store, self.values.flat
        values = _with_widgets(drawn, self.params)
        url, shell_url = query(self.params, values), shell_query()
        if st.query_params.to_dict() != url | shell_url:
            st.query_params.from_dict(url | shell_url)
        store |= {"published_values": values, "url": url, "values": values}
        store["published"] = self.adopted
        _shell_store()["url"] = shell_url
        sent = st.session_state.pop("sent", {})  # until a first run has come to its end
        moved = [name for name in values if name in sent and values[name] != drawn[name]]
        if moved:  # the picture was drawn before the widgets had spoken
            unread = {name: drawn[name] for name in moved if not _is_read(name, sent[name])}
            store["pending"] = unread  # of another release's page: the link's values stand
            st.rerun()


def _parted(query: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """A link's parameters: the page's own, and those of every page."""
    shell = {name: text for name, text in query.items() if name in SHELL_NAMES}
    return {name: text for name, text in query.items() if name not in shell}, shell


def _shell_store() -> dict[str, Any]:
    store: dict[str, Any] = st.session_state.setdefault("shell", {})
    return store


def read_shell(page: str) -> dict[str, Any]:
    """The values of `SHELL` in a run of this page; to be called before its `PageState` is made.

    They follow the link as a page's values do, but stay where a visitor goes on to a page whose
    address does not name them.
    """
    store, query = _shell_store(), _parted(st.query_params.to_dict())[1]
    moved_on = st.session_state.get("page") not in (None, page)
    pending = store.pop("pending", None)
    if pending is not None:
        store |= {"values": store["values"] | pending, "ignored": []}
    elif "values" not in store or (
        query if moved_on else query != store["url"] and not _triggered_by_widget(page)
    ):
        values, ignored = decode(SHELL, query)
        store |= {"values": values, "ignored": ignored, "url": query}
    elif moved_on or _triggered_by_widget(page):
        store["ignored"] = []
    values_of_shell: dict[str, Any] = store["values"]
    return values_of_shell


def _triggered_by_widget(page: str) -> bool:
    """Whether a widget or a callback of the page has caused this run: then the browser's address
    may lag behind."""
    store = st.session_state.get(f"page:{page}", {})
    values = store.get("published_values")
    return values is not None and (
        "pending" in store or _with_widgets(values, store["params"]) != values
    )


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
    sent = {p.name: live.get(p.name, values[p.name]) for p in params}
    moved = [p for p in params if sent[p.name] != values[p.name]]
    return {**values, **{p.name: sent[p.name] for p in moved if p.allows(sent[p.name])}}


def bind_widget(key: str, value: Any, *identity: object) -> str:
    """Set the value of the widget that is about to be made; returns its key.

    Args:
        key: of the widget.
        value: that it starts with.
        identity: what, besides the key, makes Streamlit take the widget for a new one that starts
            at its lowest value: the bounds of a slider.
    """
    bound = st.session_state.setdefault("bound_widgets", {})
    if key not in bound and key in st.session_state.get("sent", {}):
        bound[key] = identity, time.monotonic()
        return key  # a browser whose server has restarted, and what was clicked since then
    before, since = bound.get(key, (None, 0.0))
    now = time.monotonic()
    if key not in st.session_state or before != identity:
        st.session_state[key] = value
        since = now
    elif now - since < SETTLING:
        st.session_state[key] = st.session_state[key]
    bound[key] = identity, since
    return key


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


def current(page: str, settings: type[S]) -> S:
    """The page's settings, for callbacks: those of the last run and the widgets since."""
    store = st.session_state[f"page:{page}"]
    return settings.of(_with_widgets(store["published_values"], store["params"]))


def link(page: str, also: Mapping[str, str] | None = None) -> str:
    """The address that opens the page as it stands in this run.

    Args:
        page: name of the page.
        also: parameters besides the page's own; none of `SHELL` without it.
    """
    store = st.session_state[f"page:{page}"]
    own = query(store["params"], _with_widgets(store["values"], store["params"]))
    text = urlencode({**own, **(also or {})})
    address = urlsplit(st.context.url or f"/{page}")
    return address._replace(path=address.path or "/", query=text, fragment="").geturl()


def change(page: str, values: Mapping[str, Any]) -> None:
    """Callback of everything that changes values other than through their own widgets; what
    breaks a rule of a link is left as it is."""
    store = st.session_state[f"page:{page}"]
    rules = {param.name: param for param in store["params"]}
    allowed = {n: v for n, v in values.items() if n not in rules or rules[n].allows(v)}
    store.setdefault("pending", {}).update(allowed)


def _by_name() -> dict[str, Param]:
    store = st.session_state[f"page:{st.session_state['page']}"]
    by_name: dict[str, Param] = store["by_name"]
    return by_name


def declared(name: str) -> Param:
    """The parameter of that name of the page that is open. KeyError where it has none."""
    return _by_name()[name]


def page_has(name: str) -> bool:
    """Whether the page that is open has a parameter of that name."""
    return name in _by_name()
