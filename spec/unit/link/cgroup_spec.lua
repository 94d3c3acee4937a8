local core = require "spec.support.core"
local C = core.load("link/cgroup.h")
local shell = require "spec.support.shell"

describe("the limits of a cgroup", function()
  local root

  before_each(function()
    root = shell.make_directory()
  end)

  after_each(function()
    shell.remove(root)
  end)

  local function write(files)
    for path, text in pairs(files) do
      os.execute(("mkdir -p '%s'"):format((root .. path):match("^(.*)/")))
      shell.write(root .. path, text .. "\n")
    end
  end

  -- Cores and MiB of memory; 0 is no limit.
  local function limits(files)
    write(files)
    local found = C.od_cgroup_limits_of(root)
    return { found.cores, tonumber(found.memory_bytes) / 2 ^ 20 }
  end

  it("are none where there is no cgroup", function()
    assert.same({ 0, 0 }, limits {})
  end)

  it("of version 2 are a quota, rounded up, and bytes", function()
    assert.same({ 2, 256 }, limits {
      ["/proc/self/cgroup"] = "0::/system.slice/open-do.service",
      ["/sys/fs/cgroup/system.slice/open-do.service/cpu.max"] = "150000 100000",
      ["/sys/fs/cgroup/system.slice/open-do.service/memory.max"] = "268435456",
    })
  end)

  it("of a part of a core are one core", function()
    assert.same({ 1, 0 }, limits {
      ["/proc/self/cgroup"] = "0::/a",
      ["/sys/fs/cgroup/a/cpu.max"] = "20000 100000",
      ["/sys/fs/cgroup/a/memory.max"] = "max",
    })
  end)

  it("of those above count where they are narrower", function()
    assert.same({ 3, 64 }, limits {
      ["/proc/self/cgroup"] = "0::/a/b",
      ["/sys/fs/cgroup/a/b/cpu.max"] = "max 100000",
      ["/sys/fs/cgroup/a/b/memory.max"] = "134217728",
      ["/sys/fs/cgroup/a/cpu.max"] = "300000 100000",
      ["/sys/fs/cgroup/a/memory.max"] = "67108864",
    })
  end)

  it("of a container stand where its root is", function()
    assert.same({ 4, 512 }, limits {
      ["/proc/self/cgroup"] = "0::/",
      ["/sys/fs/cgroup/cpu.max"] = "400000 100000",
      ["/sys/fs/cgroup/memory.max"] = "536870912",
    })
  end)

  it("of version 1 stand in a directory for each controller", function()
    assert.same({ 2, 128 }, limits {
      ["/proc/self/cgroup"] = "7:memory:/docker/12\n4:cpu,cpuacct:/docker/12\n1:name=systemd:/",
      ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = "200000",
      ["/sys/fs/cgroup/cpu/cpu.cfs_period_us"] = "100000",
      ["/sys/fs/cgroup/memory/docker/12/memory.limit_in_bytes"] = "134217728",
      ["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "9223372036854771712",
    })
  end)

  it("of version 1 without a quota are none", function()
    assert.same({ 0, 0 }, limits {
      ["/proc/self/cgroup"] = "4:cpuacct,cpu:/a\n7:memory:/a",
      ["/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us"] = "-1",
      ["/sys/fs/cgroup/cpu/a/cpu.cfs_period_us"] = "100000",
      ["/sys/fs/cgroup/memory/a/memory.limit_in_bytes"] = "9223372036854771712",
    })
  end)

  it("are none in files that make no sense", function()
    assert.same({ 0, 0 }, limits {
      ["/proc/self/cgroup"] = "nonsense\n0::\n0::/a",
      ["/sys/fs/cgroup/a/cpu.max"] = "",
      ["/sys/fs/cgroup/a/memory.max"] = "much",
    })
  end)
end)
