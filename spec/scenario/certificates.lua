-- Certificates for specs of TLS, in a directory of their own.

local assert = require "luassert"
local shell = require "spec.support.shell"

local M = {}

function M.new_directory()
  M.directory = shell.make_directory()
end

function M.remove_directory()
  shell.remove(M.directory)
end

-- Runs openssl with `words`, in the directory; returns what it says.
function M.openssl(words)
  local pipe = io.popen(("unset LD_PRELOAD; cd %s && openssl %s 2>&1"):format(M.directory, words))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- A certificate for `name`, made as `file`.crt and .key.
function M.certify(name, file)
  file = file or name
  M.openssl(("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
    .. "-keyout %s.key -out %s.crt -subj /CN=%s -addext subjectAltName=DNS:%s"):format(file, file,
    name, name))
  assert.truthy(io.open(M.directory .. "/" .. file .. ".crt"), "openssl makes no certificate")
end

-- Words for a server that has those of the files `names`.
function M.args(names)
  local args = { "--tls-listen", "127.0.0.1:0" }
  for _, name in ipairs(names) do
    for _, word in ipairs { "--tls-cert", M.directory .. "/" .. name .. ".crt", "--tls-key",
      M.directory .. "/" .. name .. ".key" } do
      args[#args + 1] = word
    end
  end
  return args
end

-- What curl says of https://localhost... at the server, or of `url` with PORT in it.
function M.curl(server, url, arguments)
  local command = "unset LD_PRELOAD; curl -sS %s --resolve example.test:%d:127.0.0.1 %s 2>&1"
  local pipe = io.popen(command:format(
    arguments or "--cacert " .. M.directory .. "/localhost.crt", server.tls_port,
    url:gsub("PORT", tostring(server.tls_port))))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

return M
