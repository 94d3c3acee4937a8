-- The class of the hidden object whose schedules are the `crons` of a script's table. It is woken
-- with each version of the script, and makes its schedules those that the version names.
local pairs, ipairs = pairs, ipairs

-- crons: cron string -> function (info, env, ctx).
return function(crons, context)
  local Crons = {}

  function Crons:constructor(state)
    for _, one in ipairs(state.storage:schedules()) do
      if not crons[one.name] then
        state.storage:unschedule(one.name)
      end
    end
    for cron in pairs(crons) do
      state.storage:schedule(cron, { cron = cron }, cron)
    end
  end

  for cron, run in pairs(crons) do
    Crons[cron] = function(self, info)
      info.name, info.cron = nil, cron
      return run(info, self.env, context)
    end
  end
  return Crons
end
