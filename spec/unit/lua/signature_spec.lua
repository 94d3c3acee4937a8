-- od.sign, od.verify and od.jwt: against vectors of RFC 7515 and RFC 8037, against the openssl
-- program, and against what attackers send.
local od = require("spec.support.library").od
local shell = require "spec.support.shell"

local base64url = od.base64url

local function pair(options)
  local private = shell.text("openssl genpkey " .. options)
  local name = os.tmpname()
  shell.write(name, private)
  local public = shell.text(("openssl pkey -in %s -pubout"):format(name))
  return { private = private, public = public, file = name }
end

local function refusal(call, ...)
  local arguments, count = { ... }, select("#", ...)
  local ok, problem = pcall(function()
    return (call(unpack(arguments, 1, count)))
  end)
  assert.is_false(ok)
  return problem
end

local pairs_of
local EC = "-algorithm EC -pkeyopt ec_paramgen_curve:"

setup(function()
  pairs_of = {
    RS256 = pair "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    ES256 = pair(EC .. "P-256"),
    EdDSA = pair "-algorithm ED25519",
  }
end)

teardown(function()
  for _, one in pairs(pairs_of) do
    os.remove(one.file)
  end
end)

-- The public key as JSON Web Key, by what openssl prints of it.
local function jwk_of(algorithm)
  local text = shell.text(("openssl pkey -in %s -pubout -outform DER | od -An -v -tx1")
    :format(pairs_of[algorithm].file))
  local bytes = od.hex.decode((text:gsub("%s", "")))
  if algorithm == "EdDSA" then
    return { kty = "OKP", crv = "Ed25519", x = base64url.encode(bytes:sub(-32)) }
  elseif algorithm == "ES256" then
    return { kty = "EC", crv = "P-256", x = base64url.encode(bytes:sub(-64, -33)),
      y = base64url.encode(bytes:sub(-32)) }
  end
  return { kty = "RSA", n = base64url.encode(bytes:sub(-256 - 5, -6)), e = "AQAB" }
end

local JOE = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
  .. "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

describe("od.verify", function()
  it("takes the signatures of RFC 7515 (A.1, A.3) and RFC 8037 (A.4)", function()
    local secret = { kty = "oct", k = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
      .. "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" }
    assert.is_true(od.verify("HS256", secret, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." .. JOE,
      base64url.decode "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
    local point = { kty = "EC", crv = "P-256", x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
      y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }
    assert.is_true(od.verify("ES256", point, "eyJhbGciOiJFUzI1NiJ9." .. JOE, base64url.decode(
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")))
    local edwards = { kty = "OKP", crv = "Ed25519",
      x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }
    assert.is_true(od.verify("EdDSA", edwards,
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", base64url.decode(
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")))
  end)

  it("takes what od.sign made, for this message and this key only", function()
    for algorithm, keys in pairs(pairs_of) do
      local signature = od.sign(algorithm, keys.private, "a message")
      assert.equal(({ RS256 = 256, ES256 = 64, EdDSA = 64 })[algorithm], #signature)
      for _, key in ipairs { keys.public, keys.private, jwk_of(algorithm) } do
        assert.is_true(od.verify(algorithm, key, "a message", signature))
        assert.is_false(od.verify(algorithm, key, "a Message", signature))
        assert.is_false(od.verify(algorithm, key, "a message", ""))
        assert.is_false(od.verify(algorithm, key, "a message", signature .. "\0"))
        assert.is_false(od.verify(algorithm, key, "a message", signature:sub(1, -2)))
        assert.is_false(od.verify(algorithm, key, "a message", ("\0"):rep(#signature)))
        assert.is_false(od.verify(algorithm, key, "a message", od.randomBytes(#signature)))
      end
    end
    local other = pair "-algorithm ED25519"
    os.remove(other.file)
    assert.is_false(od.verify("EdDSA", other.public, "x",
      od.sign("EdDSA", pairs_of.EdDSA.private, "x")))
    assert.is_true(od.verify("HS256", "s", "x", od.sign("HS256", "s", "x")))
    assert.is_false(od.verify("HS256", "s", "x", od.sign("HS256", "t", "x")))
  end)

  it("agrees with openssl", function()
    local message, signed = os.tmpname(), os.tmpname()
    shell.write(message, "a message")
    local keys = pairs_of.RS256
    local text = shell.text(("openssl dgst -sha256 -sign %s %s | od -An -v -tx1"):format(keys.file,
      message))
    assert.is_true(od.verify("RS256", keys.public, "a message",
      od.hex.decode((text:gsub("%s", "")))))
    shell.write(signed, od.sign("EdDSA", pairs_of.EdDSA.private, "a message"))
    assert.matches("Verified", shell.text(
      ("openssl pkeyutl -verify -rawin -in %s -sigfile %s -inkey %s 2>&1"):format(message, signed,
      pairs_of.EdDSA.file)))
    os.remove(message)
    os.remove(signed)
  end)

  it("takes a certificate", function()
    local certificate = shell.text(("openssl req -x509 -new -key %s -subj /CN=x -days 1"):format(
      pairs_of.RS256.file))
    assert.is_true(od.verify("RS256", "Bag Attributes\n" .. certificate, "x",
      od.sign("RS256", pairs_of.RS256.private, "x")))
  end)

  it("refuses keys of other kinds, and says which", function()
    local keys = pairs_of
    local small, curve = pair "-algorithm RSA -pkeyopt rsa_keygen_bits:1024", pair(EC .. "P-384")
    local sealed = shell.text(("openssl pkey -in %s -aes256 -passout pass:x"):format(
      keys.EdDSA.file))
    os.remove(small.file)
    os.remove(curve.file)
    for _, case in ipairs {
      { "RS256", keys.ES256.public, "the key is one for ES256, not for RS256" },
      { "ES256", keys.EdDSA.public, "the key is one for EdDSA, not for ES256" },
      { "HS256", keys.RS256.public, "the key is one for RS256, not for HS256" },
      { "RS256", "a secret", "the key is one for HS256, not for RS256" },
      { "RS256", small.public, "an RSA key must have 2048 bits or more, not 1024" },
      { "ES256", curve.public, "neither of RSA nor on the curves P-256 and Ed25519" },
      { "RS256", "-----BEGIN PUBLIC KEY-----\nnonsense\n", "must be a public key or a cert" },
      { "EdDSA", sealed, "must be a public key or a certificate" },
      { "HS256", "", "must be a string that is not empty" },
      { "HS256", 7, "must be a string that is not empty, or a JSON Web Key, got number" },
      { "HS256", nil, "got nil" },
      { "HS256", {}, "no JSON Web Key of a known type" },
      { "HS256", { kty = "oct" }, "lacks a field" },
      { "RS256", { kty = "RSA", n = "AQAB" }, "lacks a field" },
      { "RS256", { kty = "RSA", n = "AQAB", e = "AQAB" }, "2048 bits or more, not 17" },
      { "ES256", { kty = "EC", crv = "P-384", x = "AA", y = "AA" }, "lacks a field" },
      { "ES256", { kty = "EC", crv = "P-256", x = ("A"):rep(43), y = ("A"):rep(43) },
        "must be a public key or a certificate" },
      { "EdDSA", { kty = "OKP", crv = "X25519", x = ("A"):rep(43) }, "lacks a field" },
      { "RS256", { kty = "RSA", n = "AQAB", e = "AQAB", alg = "RS512" }, "the key is for RS512" },
      { "none", "s", 'argument 1 must be "HS256"' },
      { "hs256", "s", 'argument 1 must be "HS256"' },
      { nil, "s", "got nil" },
    } do
      local problem = refusal(od.verify, case[1], case[2], "x", "y")
      assert.is_truthy(problem:find(case[3], 1, true), problem)
      assert.matches("^spec/unit/lua/signature_spec.lua:%d+: verify: ", problem)
    end
    assert.matches("sign: the key: it must be a private key in PEM, without a password",
      refusal(od.sign, "EdDSA", keys.EdDSA.public, "x"))
    assert.matches("sign: argument 3 must be a string, got nil", refusal(od.sign, "HS256", "s"))
    assert.matches("verify: argument 4 must be a string", refusal(od.verify, "HS256", "s", "x"))
  end)
end)

describe("od.jwt", function()
  local secret = ("s"):rep(32)

  local function token_of(header, claims, sign)
    local message = base64url.encode(header) .. "." .. base64url.encode(claims)
    return message .. "." .. base64url.encode(sign and sign(message) or "")
  end

  local function with_secret(header, claims)
    return token_of(header, claims, function(message) return od.hmacSha256(secret, message) end)
  end

  local function why_not(token, key, options)
    local claims, why = od.jwt.verify(token, key or secret, options)
    assert.is_nil(claims)
    return why
  end

  it("says what was signed", function()
    local before = os.time()
    local token = od.jwt.sign({ sub = "ann", admin = true, n = 1.5 }, secret,
      { expiresIn = 60000, kid = "k1" })
    local claims, header = od.jwt.verify(token, secret)
    assert.equal("ann", claims.sub)
    assert.equal(1.5, claims.n)
    assert.is_true(claims.admin)
    assert.is_true(claims.iat >= before and claims.exp - claims.iat >= 60)
    assert.same({ alg = "HS256", typ = "JWT", kid = "k1" }, header)
    for algorithm, keys in pairs(pairs_of) do
      token = od.jwt.sign({ sub = "bob" }, keys.private)
      claims, header = od.jwt.verify(token, keys.public)
      assert.equal("bob", claims.sub)
      assert.equal(algorithm, header.alg)
    end
  end)

  it("is told by the key, not by the token, how it is signed", function()
    local keys = pairs_of.RS256
    local claims = '{"sub":"ann"}'
    assert.equal("algorithm", why_not(token_of('{"alg":"none"}', claims), secret))
    assert.equal("algorithm", why_not(token_of('{"alg":"None"}', claims), keys.public))
    assert.equal("algorithm", why_not(with_secret('{"alg":"HS512"}', claims)))
    -- The public key, which all know, as a secret.
    local forged = token_of('{"alg":"HS256"}', claims, function(message)
      return od.hmacSha256(keys.public, message)
    end)
    assert.equal("algorithm", why_not(forged, keys.public))
    assert.equal("algorithm", why_not(forged, { jwk_of "RS256" }))
    assert.equal("signature", why_not(with_secret('{"alg":"HS256"}', claims), ("t"):rep(32)))
    assert.equal("signature", why_not(token_of('{"alg":"HS256"}', claims)))
  end)

  it("that is no token is malformed, whatever it is", function()
    local good = od.jwt.sign({ a = 1 }, secret)
    for _, token in ipairs { "", ".", "..", "a.b", "a.b.c", "a.b.c.d", good .. ".", good .. "=",
      " " .. good, good .. "\n", (good:gsub("%.", "!")), ("a"):rep(20000) .. ".b.c",
      with_secret("[]", "{}"), with_secret('{"alg":1}', "{}"), with_secret("{}", "{}"),
      with_secret('{"alg":"HS256","crit":["b64"]}', "{}"), with_secret('{"alg":"HS256"', "{}"),
      with_secret('{"alg":"HS256","kid":7}', "{}"), with_secret('{"alg":"HS256"}', "[]"),
      with_secret('{"alg":"HS256"}', "null"), with_secret('{"alg":"HS256"}', '"x"'),
      with_secret('{"alg":"HS256"}', '{"exp":"tomorrow"}'),
      with_secret('{"alg":"HS256"}', '{"nbf":{}}'), with_secret('{"alg":"HS256"}', '{"iat":true}'),
    } do
      assert.equal("malformed", why_not(token), token)
    end
    for _, token in ipairs { 7, true, {} } do
      assert.equal("malformed", why_not(token))
    end
    assert.equal("malformed", (select(2, od.jwt.verify(nil, secret))))
  end)

  it("that is changed in any place is refused", function()
    local token = od.jwt.sign({ sub = "ann" }, secret)
    for at = 1, #token - 1 do -- The last character has bits that say nothing.
      local byte = token:sub(at, at) == "A" and "B" or "A"
      assert.is_nil((od.jwt.verify(token:sub(1, at - 1) .. byte .. token:sub(at + 1), secret)))
    end
  end)

  it("holds in its time only", function()
    local now = os.time()
    assert.equal("expired", why_not(od.jwt.sign({ exp = now - 1 }, secret)))
    assert.equal("expired", why_not(od.jwt.sign({}, secret, { expiresIn = -1000 })))
    assert.equal("not yet valid", why_not(od.jwt.sign({ nbf = now + 60 }, secret)))
    assert.is_table((od.jwt.verify(od.jwt.sign({ exp = now - 1 }, secret), secret,
      { leeway = 60000 })))
    assert.is_table((od.jwt.verify(od.jwt.sign({ nbf = now + 30 }, secret), secret,
      { leeway = 60000 })))
  end)

  it("is for whom and of whom it was asked to be", function()
    local token = od.jwt.sign({ iss = "me", aud = od.json.array { "a", "b" } }, secret)
    assert.is_table((od.jwt.verify(token, secret, { issuer = "me", audience = "b" })))
    assert.is_table((od.jwt.verify(token, secret, { issuer = { "you", "me" },
      audience = { "c", "a" } })))
    assert.equal("issuer", why_not(token, secret, { issuer = "you" }))
    assert.equal("audience", why_not(token, secret, { audience = "c" }))
    local bare = od.jwt.sign({ sub = "x" }, secret)
    assert.equal("issuer", why_not(bare, secret, { issuer = "me" }))
    assert.equal("audience", why_not(bare, secret, { audience = "a" }))
  end)

  it("is tried with several keys, and those of its name", function()
    local token = od.jwt.sign({ a = 1 }, secret)
    assert.is_table((od.jwt.verify(token, { ("new"):rep(11), secret })))
    local set = { keys = {} }
    for algorithm in pairs(pairs_of) do
      local key = jwk_of(algorithm)
      key.kid, key.use = "the " .. algorithm, "sig"
      table.insert(set.keys, key)
    end
    table.insert(set.keys, { kty = "oct", k = base64url.encode(secret), kid = "secret" })
    table.insert(set.keys, { kty = "unheard-of" })
    for algorithm, keys in pairs(pairs_of) do
      token = od.jwt.sign({ a = 1 }, keys.private, { kid = "the " .. algorithm })
      assert.is_table((od.jwt.verify(token, set)))
      assert.is_table((od.jwt.verify(od.jwt.sign({ a = 1 }, keys.private), set)))
      token = od.jwt.sign({ a = 1 }, keys.private, { kid = "another" })
      assert.equal("unknown key", why_not(token, set))
    end
    -- A set is public: there are no secrets in it.
    assert.not_equal(nil, why_not(od.jwt.sign({ a = 1 }, secret, { kid = "secret" }), set))
  end)

  it("is misused with an error at the line", function()
    for _, case in ipairs {
      { od.jwt.sign, { nil, secret }, "jwt.sign: argument 1 must be a table, got nil" },
      { od.jwt.sign, { {}, "" }, "jwt.sign: the key: it must be a string that is not empty" },
      { od.jwt.sign, { {}, secret, { expires = 1 } }, "jwt.sign: there is no option 'expires'" },
      { od.jwt.sign, { {}, secret, { kid = 1 } }, "option 'kid' must be a string, got number" },
      { od.jwt.sign, { { f = print }, secret }, "jwt.sign: the claims: " },
      { od.jwt.sign, { {}, pairs_of.ES256.public }, "it must be a private key in PEM" },
      { od.jwt.sign, { {}, nil }, "JSON Web Key, got nil: is it given by --var-file?" },
      { od.jwt.verify, { "x", nil }, "a list of keys or a key set, got nil: is it given by --var" },
      { od.jwt.verify, { "x", {} }, "a key set, got an empty table" },
      { od.jwt.verify, { "x", { 7 } }, "jwt.verify: the key: it must be a string" },
      { od.jwt.verify, { "x", secret, { algorithms = {} } }, "there is no option 'algorithms'" },
      { od.jwt.keys, { "file:///etc/passwd" }, "jwt.keys: argument 1 must be a URL" },
    } do
      local problem = refusal(case[1], unpack(case[2], 1, 3))
      assert.is_truthy(problem:find(case[3], 1, true), problem)
      assert.matches("^spec/unit/lua/signature_spec.lua:%d+: jwt", problem)
    end
  end)
end)
