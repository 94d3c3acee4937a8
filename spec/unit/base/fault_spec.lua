-- Faults without a page, and with one that cannot be one. (What they do is seen wherever a spec
-- arms one.)
local process = require "spec.support.process"

describe("the test page", function()
  after_each(process.stop_all)

  local function check_with(page)
    local checking = process.start {
      argv = { process.program, "check", "examples/counter/counter.lua" },
      env = { OPEN_DO_TEST_PAGE = page },
    }
    return checking:wait_exit(10), checking:output()
  end

  it("is not needed", function()
    local code, output = check_with(nil)
    assert.equal(0, code)
    assert.not_matches("OPEN_DO_TEST_PAGE", output)
  end)

  it("that is missing or too short is named, and nothing fails", function()
    local short = os.tmpname()
    for page, why in pairs { ["/nowhere/page"] = "No such file", [short] = "Invalid argument" } do
      local code, output = check_with(page)
      assert.equal(0, code)
      assert.matches("OPEN_DO_TEST_PAGE=" .. page .. " cannot be used: " .. why, output, 1, true)
    end
    os.remove(short)
  end)
end)
