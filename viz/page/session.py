"""The URL holds the whole state of a page: this module reads it into the session and writes it back.

A page declares its parameters as fields of a class of `viz.params.Settings`. `PageState` reads a
link's values into the session before the widgets are made; `PageState.publish` afterwards writes
the values that differ from the defaults to the URL. A widget has its parameter's name as its key
and no default of its own. In between the page works with frozen settings, which it replaces by
assigning to ``state.values``.

Streamlit's ``bind="query-params"`` is not used: a bound slider whose bounds depend on other
settings drops a clamped value from the link, and it ignores wrong values silently.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import streamlit as st

from viz.params import MAX_TEXT, SHELL, SHELL_NAMES, Param, Settings, decode, query
from viz.server.streamlit_private import widget_id, widget_ids_from_browser

SETTLING_S = 3.0
"""Seconds in which every run sets a new widget's value again: a busy browser may skip the run in
which the widget was made, and would then show it at its lowest value."""

S = TypeVar("S", bound=Settings)


class PageState(Generic[S]):
    """The settings of one page in one visitor's session.

    All values are in one dictionary of the session, because Streamlit walks all session keys for
    every widget it makes. Only the widgets on the page have keys of their own; `bind_widget` sets
    the value of such a key just before its widget is made.

    Attributes:
        params: Parameters of the page.
        ignored: A clause for each parameter of the URL that was ignored.
        adopted: Number of times that a link has set the values; animations restart when it changes.
        from_link: Whether a link has set the values since the last run that was completed.
    """

    def __init__(self, page: str, settings: type[S]) -> None:
        params = settings.params()
        self.params = params
        self._store: dict[str, Any] = st.session_state.setdefault(f"page:{page}", {})
        if "page" not in st.session_state:
            st.session_state["sent"] = _widget_ids_sent_by_browser()
        self.values = settings.of(self._values_of_this_run(page))
        self._store |= {"params": params, "by_name": {param.name: param for param in params}}
        self.adopted: int = self._store["adopted"]
        self.ignored: list[str] = self._store["ignored"]
        self.from_link: bool = self._store.get("published", 0) != self.adopted

    @property
    def values(self) -> S:
        """The settings of this run, from the URL, the widgets and the callbacks."""
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

    def report_ignored(self, *clauses: str) -> None:
        """Add clauses about parameters of the link that do not fit its other settings."""
        self.ignored.extend(clause for clause in clauses if clause not in self.ignored)

    def store_notes(self, sentences: Sequence[str], *view_names: str) -> None:
        """Store sentences about changed settings; they are shown until a setting changes again.

        Args:
            sentences: One for each setting that was changed so that the layer fits.
            view_names: Parameters of the view; the sentences stay when these change.
        """
        settings = {n: value for n, value in self.values.flat.items() if n not in view_names}
        before, notes = self._store.get("notes", (None, ()))
        self._store["notes"] = settings, sentences or (notes if before == settings else ())

    def _values_of_this_run(self, page: str) -> dict[str, Any]:
        """The values of this run by name.

        A first visit and the browser's Back button take the values of the URL. A return from
        another page takes the values of the last run there. Any other run takes those of the
        widgets and callbacks: the browser's URL may then lag behind, so it counts only in a run
        that no widget and no callback has caused.
        """
        read_shell(page)
        store, query = self._store, page_query()
        returning = st.session_state.get("page") != page
        st.session_state["page"] = page
        # A first run that a click has cut short leaves values that are not published yet.
        before = store.get("published_values", store.get("values"))
        changes = store.pop("pending", None)  # by callbacks; None without any
        if before is None or (returning and query):
            return self._take_link_values(query)
        if returning:
            store["adopted"] += 1
            return dict(before)
        values = _with_widget_values(before, self.params) | (changes or {})
        if values != before:
            store["ignored"] = []  # the warnings were about the link, and a setting has changed
        elif changes is None and query != store["url"]:
            return self._take_link_values(query)
        return values

    def _take_link_values(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The values of a link, which replace those of the session; counts it as adopted."""
        values, self._store["ignored"] = decode(self.params, query)
        self._store["adopted"] = self._store.get("adopted", 0) + 1
        self._store.setdefault("url", dict(query))
        return values

    def update_widgets(self) -> None:
        """Update the widgets whose values have been changed by a link, a callback or the page."""
        live = st.session_state.to_dict()
        for name, value in self.values.flat.items():
            if name in live and live[name] != value:
                st.session_state[name] = value

    def show_warnings(self) -> None:
        """Draw what was ignored or changed, and which value is too long for a link."""
        clauses = "; ".join([*_shell_store()["ignored"], *self.ignored])
        if clauses:
            st.warning(f"Part of the link was ignored: {clauses}.")
        for sentence in self._store.get("notes", (None, ()))[1]:
            st.warning(sentence)
        values = self.values.flat
        for param in self.params:
            if len(param.format(values[param.name])) > MAX_TEXT:
                what = "This network" if param.name == "layers" else f"`{param.name}`"
                st.info(f"{what} is too long for a link: the address opens this page without it.")

    def publish(self) -> None:
        """Write the values at the end of this run to the URL, without the defaults."""
        store, drawn = self._store, self.values.flat
        values = _with_widget_values(drawn, self.params)
        url, shell_url = query(self.params, values), shell_query()
        if st.query_params.to_dict() != url | shell_url:
            st.query_params.from_dict(url | shell_url)
        store |= {"published_values": values, "url": url, "values": values}
        store["published"] = self.adopted
        _shell_store()["url"] = shell_url
        ids_sent = st.session_state.pop("sent", {})  # stays until a first run is completed
        moved = [name for name in values if name in ids_sent and values[name] != drawn[name]]
        if moved:  # the picture was drawn before the values of the widgets were read
            # A widget of another release has another id; the value of the link replaces its value.
            unread = {name: drawn[name] for name in moved if widget_id(name) != ids_sent[name]}
            store["pending"] = unread
            st.rerun()


def _split_query(query: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """A link's parameters as two mappings: those of the page, and those of `SHELL`."""
    shell = {name: text for name, text in query.items() if name in SHELL_NAMES}
    return {name: text for name, text in query.items() if name not in shell}, shell


def _shell_store() -> dict[str, Any]:
    """The session's dictionary for the values of `SHELL`."""
    store: dict[str, Any] = st.session_state.setdefault("shell", {})
    return store


def read_shell(page: str) -> dict[str, Any]:
    """The values of `SHELL` in a run of this page; it is called before its `PageState` is made.

    They follow the link as the values of a page do, but they also stay when the visitor opens
    another page whose URL does not have them.
    """
    store, query = _shell_store(), _split_query(st.query_params.to_dict())[1]
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
    """Whether a widget or callback caused this run; the browser's URL may then lag behind."""
    store = st.session_state.get(f"page:{page}", {})
    values = store.get("published_values")
    return values is not None and (
        "pending" in store or _with_widget_values(values, store["params"]) != values
    )


def page_query() -> dict[str, str]:
    """The parameters of the current URL, without those of `SHELL`."""
    return _split_query(st.query_params.to_dict())[0]


def change_shell(values: Mapping[str, Any]) -> None:
    """Callback that changes values of `SHELL`."""
    _shell_store().setdefault("pending", {}).update(values)
    # In the next run the page's part of the URL may lag behind: its values come from the session.
    st.session_state.get(f"page:{st.session_state.get('page')}", {}).setdefault("pending", {})


def shell_query(**values: Any) -> dict[str, str]:
    """The URL parameters of `SHELL` with their current values, some of them replaced."""
    return query(SHELL, _shell_store()["values"] | values)


def _with_widget_values(values: Mapping[str, Any], params: Sequence[Param]) -> dict[str, Any]:
    """The values, replaced by those of the widgets where `Param.allows` them: a browser can send
    anything. The session is copied once, because looking up a missing key in it is slow."""
    live = st.session_state.to_dict()
    sent = {p.name: live.get(p.name, values[p.name]) for p in params}
    moved = [p for p in params if sent[p.name] != values[p.name]]
    return {**values, **{p.name: sent[p.name] for p in moved if p.allows(sent[p.name])}}


def bind_widget(key: str, value: Any, *identity: object) -> str:
    """Set the value of a widget just before it is made; returns its key.

    Args:
        key: Key of the widget.
        value: Value that it starts with.
        identity: Arguments of the widget that belong to its identity besides the key, such as a
            slider's bounds: with other ones Streamlit makes a new widget at its lowest value.
    """
    bound = st.session_state.setdefault("bound_widgets", {})
    if key not in bound and key in st.session_state.get("sent", {}):
        bound[key] = identity, time.monotonic()
        return key  # the server has restarted, and the browser has sent the widget's value
    before, since = bound.get(key, (None, 0.0))
    now = time.monotonic()
    if key not in st.session_state or before != identity:
        st.session_state[key] = value
        since = now
    elif now - since < SETTLING_S:
        st.session_state[key] = st.session_state[key]
    bound[key] = identity, since
    return key


def _widget_ids_sent_by_browser() -> dict[str, str]:
    """Ids by key of the widgets whose values the browser sent with the request of this run.

    The first run of a session has such widgets only if the browser reconnects to a server that has
    restarted. Streamlit has no public interface for them: it gives a value by its key only after
    the widget was made.
    """
    return {name.split("-", 2)[-1]: name for name in widget_ids_from_browser()}  # $$ID-<hash>-<key>


def current_settings(page: str, settings: type[S]) -> S:
    """The current settings of a page for callbacks: those of the last run, updated by the widgets."""
    store = st.session_state[f"page:{page}"]
    return settings.of(_with_widget_values(store["published_values"], store["params"]))


def page_url(page: str, extra: Mapping[str, str] | None = None) -> str:
    """The URL that opens the page with its current values.

    Args:
        page: Name of the page.
        extra: More URL parameters, such as those of `SHELL`, which are left out by default.
    """
    store = st.session_state[f"page:{page}"]
    own = query(store["params"], _with_widget_values(store["values"], store["params"]))
    text = urlencode({**own, **(extra or {})})
    address = urlsplit(st.context.url or f"/{page}")
    return address._replace(path=address.path or "/", query=text, fragment="").geturl()


def change_settings(page: str, values: Mapping[str, Any]) -> None:
    """Callback that changes values of a page by name, except through their own widgets.

    A value that `Param.allows` refuses is ignored.
    """
    store = st.session_state[f"page:{page}"]
    rules = {param.name: param for param in store["params"]}
    allowed = {n: v for n, v in values.items() if n not in rules or rules[n].allows(v)}
    store.setdefault("pending", {}).update(allowed)


def _open_page_params() -> dict[str, Param]:
    """The parameters of the open page by name."""
    store = st.session_state[f"page:{st.session_state['page']}"]
    by_name: dict[str, Param] = store["by_name"]
    return by_name


def declared_param(name: str) -> Param:
    """The parameter of that name on the open page.

    Raises:
        KeyError: The page has no such parameter.
    """
    return _open_page_params()[name]


def page_has_param(name: str) -> bool:
    """Whether the open page has a parameter of that name."""
    return name in _open_page_params()


def is_dark() -> bool:
    """Whether the page has a dark theme."""
    return st.context.theme.type == "dark"


def is_presented() -> bool:
    """Whether presentation mode is on; a fragment may ask as well."""
    shell = st.session_state.get("shell", {}).get("values", {})
    return bool(shell.get("present"))
