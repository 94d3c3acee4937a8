-- A server of the outside world (peer.mjs), which specs of od.fetch talk to.
--
--   local peer = Peer.start { secure = true }
--   peer.url, peer.secure_url, peer.certificate; peer:raw("HTTP/1.1 200 OK\r\n\r\n") is a URL
--   peer:wait("gone /hold"); peer:stop()

local process = require "spec.support.process"

local Peer = {}
Peer.__index = Peer

local WAIT_SECONDS = 10

-- Directory, key and certificate of localhost and 127.0.0.1, signed by itself.
local function make_certificate()
  local directory = os.tmpname()
  os.remove(directory)
  local key, certificate = directory .. "/key.pem", directory .. "/certificate.pem"
  local command = ("unset LD_PRELOAD; mkdir '%s' && openssl req -x509 -newkey ec "
    .. "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
    .. "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout '%s' -out '%s' 2>/dev/null")
    :format(directory, key, certificate)
  assert(os.execute(command) == 0, "openssl cannot make a certificate")
  return directory, key, certificate
end

-- options.secure: it also speaks TLS.
function Peer.start(options)
  local self = setmetatable({}, Peer)
  local argv = { "node", "spec/support/peer.mjs" }
  if options and options.secure then
    self.directory, argv[3], argv[4] = make_certificate()
    self.certificate = argv[4]
  end
  self.process = process.start { argv = argv, env = { LD_PRELOAD = "" } }
  local plain, secure, raw = self.process:wait_output("peer on (%d+) (%d+) (%d+)", WAIT_SECONDS)
  self.port, self.raw_port = plain, raw
  self.url = "http://127.0.0.1:" .. plain
  self.secure_url = "https://localhost:" .. secure
  return self
end

-- Waits until it has said `text`, behind what was waited for last.
function Peer:wait(text)
  return self.process:wait_output(text, WAIT_SECONDS)
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function base64url(bytes)
  return (bytes:gsub("..?.?", function(group)
    local a, b, c = group:byte(1, 3)
    local number = a * 65536 + (b or 0) * 256 + (c or 0)
    local letters = {}
    for at = 1, #group + 1 do
      local place = math.floor(number / 64 ^ (4 - at)) % 64 + 1
      letters[at] = ALPHABET:sub(place, place)
    end
    return table.concat(letters)
  end))
end

-- A URL that is answered with just these bytes.
function Peer:raw(bytes)
  return ("http://127.0.0.1:%s/%s"):format(self.raw_port, base64url(bytes))
end

function Peer:stop()
  if self.directory then
    os.execute(("rm -rf '%s'"):format(self.directory))
  end
  self.process:signal("KILL")
  self.process:wait_exit(WAIT_SECONDS)
end

return Peer
