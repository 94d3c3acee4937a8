// The SQL console of an object.
import { h, fill, count } from './dom.js';
import { ask } from './live.js';
import { oneLine } from './value.js';

function table(answer) {
  const rows = answer.rows ?? [], columns = answer.columns ?? Object.keys(rows[0] ?? {});
  const cell = (row, name, i) => Array.isArray(row) ? row[i] : row[name];
  return [h('div.scroll', null, h('table', null, h('thead', null, h('tr', null, columns.map(name => h('th', null, name)))),
    h('tbody', null, rows.map(row => h('tr', null, columns.map((name, i) => {
      const value = cell(row, name, i);
      return h('td.code', null, value === null || value === undefined ? h('span.faint', null, 'NULL') : typeof value === 'string' ? value : oneLine(value));
    })))))), h('p.foot', null, `${count(rows.length)} row${rows.length === 1 ? '' : 's'}`)];
}

export function sql(root, label) {
  const result = h('div'), schema = h('aside.schema');
  const statement = h('textarea.code', { rows: 4, spellcheck: false, ariaLabel: 'SQL', placeholder: 'SELECT …',
    onkeydown: event => { if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) run(); } });
  async function run() {
    try { fill(result, table(await ask('sql', { object: label, statement: statement.value }))); } catch (error) { fill(result, h('p.problem', null, error.message)); }
  }
  fill(root, h('div.row', null, statement), h('div.row', null, h('button.primary', { onclick: run }, 'Run'), h('small', null, 'Ctrl Enter')), schema, result);
  ask('sql', { object: label, statement: "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name" }).then(answer => {
    const rows = (answer.rows ?? []).map(row => Array.isArray(row) ? { name: row[0], sql: row[1] } : row);
    fill(schema, rows.length ? rows.map(({ name, sql }) => h('button.tag', { title: sql, onclick: () => { statement.value = `SELECT * FROM "${name}" LIMIT 100`; run(); } }, name)) : 'It has no table.');
  }).catch(() => {});
}
