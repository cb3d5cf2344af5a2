-- The last line of every script: what was measured, as one line of JSON. Times in milliseconds.

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'wrk-result {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
