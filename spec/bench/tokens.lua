--- Access tokens of the bench's own buyers, signed with the key that its servers are given, so that
--- no password has to be hashed thousands of times.
local cjson = require("cjson")
local ffi = require("ffi")
local mime = require("mime")

ffi.cdef([[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *md, const void *key, int key_len, const unsigned char *d, size_t n,
    unsigned char *out, unsigned int *out_len);
]])

local crypto = ffi.load("crypto.so.3")

local tokens = { KEY = "the-bench-signs-with-this-key-0123456789" }

local function base64url(bytes)
    return ((mime.b64(bytes)):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

local out, out_len = ffi.new("unsigned char[64]"), ffi.new("unsigned int[1]")

local HEAD = base64url('{"alg":"HS256","typ":"JWT"}')

function tokens.make(user_id, role)
    local now_s = os.time()
    local signed = HEAD .. "." .. base64url(cjson.encode({
        iss = "souk", sub = user_id, role = role, iat = now_s, exp = now_s + 86400,
        jti = user_id,
    }))
    crypto.HMAC(crypto.EVP_sha256(), tokens.KEY, #tokens.KEY, signed, #signed, out, out_len)
    return signed .. "." .. base64url(ffi.string(out, out_len[0]))
end

return tokens
