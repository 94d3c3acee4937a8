-- The page of the chat. (Text goes in with textContent, so nobody can put markup into it.)
return [[
<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>Chat</title>
<style>
  body { font: 16px/1.5 system-ui; max-width: 40em; margin: 2em auto; padding: 0 1em; }
  #said p { margin: 0; }
  form { display: flex; gap: .5em; margin-top: 1em; }
  input { flex: 1; font: inherit; padding: .3em; }
</style>
<div id="said"></div>
<form><input id="text" maxlength="1000" autocomplete="off"
  placeholder="your name"><button>Send</button></form>
<script>
  const said = document.getElementById("said"), text = document.getElementById("text");
  let ws, name = sessionStorage.name;

  function connect() {
    ws = new WebSocket(location.href.replace(/^http/, "ws") + "rooms/lobby");
    ws.onopen = () => {
      said.replaceChildren();
      if (name) ws.send(JSON.stringify({ name }));
    };
    ws.onmessage = event => {
      for (const message of JSON.parse(event.data)) {
        const line = document.createElement("p");
        line.textContent = (message.name ? message.name + ": " : "— ") + message.text;
        said.append(line);
      }
    };
    ws.onclose = () => setTimeout(connect, 1000);
  }

  document.forms[0].onsubmit = event => {
    event.preventDefault();
    if (!text.value) return;
    if (name) {
      ws.send(JSON.stringify({ text: text.value }));
    } else {
      name = sessionStorage.name = text.value;
      ws.send(JSON.stringify({ name }));
    }
    text.value = "";
    text.placeholder = "say something";
  };
  connect();
</script>
]]
