-- The page of the poll: makes one, or shows the one after #.
return [[
<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>Poll</title>
<style>
  body { font: 16px/1.6 system-ui; max-width: 36em; margin: 2em auto; padding: 0 1em; }
  button.option { display: block; width: 100%; text-align: left; margin: .3em 0; padding: .5em; font: inherit; background: linear-gradient(#9cf, #9cf) no-repeat 0 0 / var(--part) 100%; border: 1px solid #999; }
  textarea, input { width: 100%; font: inherit; }
</style>
<h1 id="question">A new poll</h1>
<div id="options"></div>
<p id="note"></p>
<form id="form" hidden><input id="ask" placeholder="What do you ask?"><textarea id="lines" rows="4" placeholder="One answer a line"></textarea><button>Make it</button></form>
<script>
  const $ = id => document.getElementById(id), id = location.hash.slice(1);
  const post = (path, body) => fetch(path, { method: "POST", body: JSON.stringify(body) }).then(r => r.json());

  function show(poll) {
    $("question").textContent = poll.question + (poll.open ? "" : " (closed)");
    const all = poll.options.reduce((sum, option) => sum + option.votes, 0);
    $("options").replaceChildren(...poll.options.map((option, at) => {
      const button = document.createElement("button");
      button.className = "option";
      button.textContent = option.text + " — " + option.votes;
      button.style.setProperty("--part", (all ? 100 * option.votes / all : 0) + "%");
      button.onclick = async () => $("note").textContent = (await post("/polls/" + id, { option: at + 1 })).error || "Thank you.";
      return button;
    }));
  }

  async function watch() {
    await fetch("/polls/" + id); // For the cookie.
    const ws = new WebSocket(location.origin.replace(/^http/, "ws") + "/polls/" + id);
    ws.onmessage = event => show(JSON.parse(event.data));
    ws.onclose = () => setTimeout(watch, 1000);
  }

  $("form").onsubmit = async event => {
    event.preventDefault();
    const made = await post("/polls", { question: $("ask").value, options: $("lines").value.split("\n").filter(line => line) });
    if (made.id) { location.hash = made.id; location.reload(); }
    $("note").textContent = made.error || "";
  };
  if (id) watch(); else $("form").hidden = false;
</script>
]]
