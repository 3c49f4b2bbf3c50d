// The elements around the table's rows, built once and found by name; they have no behavior.

import { icon } from "./row.js";

const HTML = `<div class="tools" role="toolbar" aria-label="Table">
<button type="button" class="undo" title="Undo (Ctrl+Z)">undo</button>
<button type="button" class="redo" title="Redo (Ctrl+Shift+Z)">redo</button>
<button type="button" class="all"></button><span class="count"></span></div>
<div class="fault" role="alert"></div>
<table role="table" aria-label="Layers"><thead role="rowgroup"></thead><tbody role="rowgroup"></tbody></table>
<div class="more"></div>
<div class="end"><button type="button" class="add" data-part="add" aria-haspopup="menu">${icon("insert")}add a layer</button></div>
<div class="hint">Enter applies, Esc restores, arrows go from row to row. Alt+↑ and Alt+↓ move a row, with Shift into the block
beside it; Alt+Enter inserts below, Alt+Delete deletes. A row's number shows that layer.</div>
<div class="spoken" role="status"></div><datalist id="suggestions"></datalist>`;

/** Build the elements under `root` and return them by name. */
export function buildFrame(root) {
  root.innerHTML = HTML;
  const elements = ["undo", "redo", "all", "count", "fault", "more", "add", "spoken"].map(
    (name) => [name, root.querySelector(`.${name}`)],
  );
  return {
    ...Object.fromEntries(elements),
    head: root.querySelector("thead"),
    body: root.querySelector("tbody"),
    suggestions: root.querySelector("datalist"),
  };
}

/** Show the titles of the columns, and set the suggestions of the text fields. */
export function showHead(page, columns, suggestions) {
  const heads = [
    ["index", "#", "position in its branch, from 0"],
    ["layer", "layer", "in notation"],
    ...columns.map((column) => [`cell${column.phone ? " phone" : ""}`, column.title, column.help]),
    ["actions", "", ""],
  ];
  page.head.innerHTML = `<tr role="row">${heads.map(() => '<th role="columnheader" scope="col"></th>').join("")}</tr>`;
  page.head.querySelectorAll("th").forEach((cell, i) => {
    [cell.className, cell.textContent, cell.title] = heads[i];
    if (!heads[i][1]) cell.setAttribute("aria-label", "actions");
  });
  const options = suggestions.map((text) =>
    Object.assign(document.createElement("option"), { value: text }),
  );
  page.suggestions.replaceChildren(...options);
}
