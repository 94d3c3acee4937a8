-- Runs what was given to request:onAbort (bindings/api/abort.c), in its order.
return function(functions)
  for at = 1, #functions do
    functions[at]()
  end
end
