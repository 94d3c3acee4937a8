---@meta cjson
-- Modules "cjson" and "cjson.safe": od.json under the names that OpenResty's libraries expect.
-- "cjson" raises, "cjson.safe" gives nil and the problem.

---@class cjson
---@field null lightuserdata as `od.json.null`
---@field array_mt table
---@field empty_array any
---@field empty_array_mt table
local cjson = {}

---@param value any
---@return string text
function cjson.encode(value) end

---@param text string
---@return any value
function cjson.decode(text) end

---@return cjson module with settings of its own
function cjson.new() end

-- Settings of lua-cjson: without an argument each tells its value. What open-do's JSON cannot do is
-- refused; the others, but for the first, change nothing.

---@param on? boolean true: `{}`; false: `[]`
---@return boolean
function cjson.encode_empty_table_as_object(on) end

---@param on? boolean
---@return boolean
function cjson.encode_escape_forward_slash(on) end

---@param digits? integer
---@return integer
function cjson.encode_number_precision(digits) end

---@param on? boolean
---@return boolean
function cjson.encode_keep_buffer(on) end

---@param on? boolean only false
---@return boolean
function cjson.encode_skip_unsupported_value_types(on) end

---@param on? boolean only false
---@return boolean
function cjson.encode_invalid_numbers(on) end

---@param on? boolean only false
---@return boolean
function cjson.decode_invalid_numbers(on) end

---@param on? boolean
---@return boolean
function cjson.decode_array_with_array_mt(on) end

---@param depth? integer
---@return integer
function cjson.encode_max_depth(depth) end

---@param depth? integer
---@return integer
function cjson.decode_max_depth(depth) end

---@param convert? boolean only false
---@return boolean convert
---@return integer ratio
---@return integer safe
function cjson.encode_sparse_array(convert) end

return cjson
