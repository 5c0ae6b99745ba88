-- Healthy once this version of the object is served with all that it refers to; Degraded where a
-- condition says why not; Progressing while Portico has said nothing of this version.

local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end

local function health(status, condition, otherwise)
  local message = condition and condition.message
  if message == nil or message == "" then
    message = otherwise
  end
  return { status = status, message = message }
end

local observed = obj.status ~= nil and obj.status.observedGeneration
if not observed or observed < (obj.metadata.generation or 0) then
  return health("Progressing", nil, "waiting for Portico")
end

for _, type in ipairs({ "Accepted", "ResolvedRefs", "Programmed" }) do
  local condition = conditions[type]
  if condition == nil or condition.status == "Unknown" then
    return health("Progressing", condition, "waiting for Portico")
  end
  if condition.status == "False" then
    -- Portico reads a Secret as soon as it is referred to, and replicas take up a change by themselves.
    local waits = condition.reason == "SecretNotRead" or condition.reason == "Pending"
    return health(waits and "Progressing" or "Degraded", condition, condition.reason)
  end
end

-- Accepted, but the version before it is served until this one can be.
local ready = conditions["Ready"]
if ready ~= nil and ready.status ~= "True" then
  return health("Progressing", ready, ready.reason)
end
return health("Healthy", ready, "served")
