// What node, and so a browser, makes of URLs: a line [text, base] becomes a line with its parts.
import { readFileSync } from "node:fs";

const web = new Set(["http:", "https:", "ws:", "wss:", "ftp:"]);
const parts = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname",
  "search", "hash"];

for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  let answer = null;
  try {
    const url = new URL(...JSON.parse(line));
    answer = { isOfTheWeb: web.has(url.protocol) };
    for (const part of parts) {
      answer[part] = url[part];
    }
  } catch {}
  console.log(JSON.stringify(answer));
}
