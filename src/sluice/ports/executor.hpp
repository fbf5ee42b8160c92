#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "sluice/base/ids.hpp"
#include "sluice/engine/work.hpp"
#include "sluice/ports/progress.hpp"

namespace sluice::ports {

/// One attempt at one task.
struct Attempt {
  RunId run;
  std::string path;  ///< the task's identity in its run, "folds[3]/fit"
  int number = 1;
  Fence fence;
  Principal principal;
  engine::TaskSpec work;
  /// Identity of the effect, the same for every attempt and after every crash: run + path.
  std::string effect_key;
};

/// Receives the outcomes of attempts. Thread-safe; may be called from inside `start`.
class OutcomeSink {
 public:
  virtual ~OutcomeSink() = default;
  virtual void ended(const Fence& fence, engine::Outcome outcome) = 0;
};

/// Runs attempts. Created after the driver, and destroyed before it. Called on the driver's thread, which it
/// does not block: whatever touches a disk, a process or a network happens on threads of its own.
/// `environment`, `progress` and `log_of` are thread-safe, and may take their time.
class Executor {
 public:
  virtual ~Executor() = default;
  /// What decides the outcome besides the work itself, for the cache key: the resolved executable and its
  /// digest, or the service's version, its models and the instruction set. A program or model that was not
  /// seen before is read for that, once. Thread-safe. An error means: do not cache (the attempt will report
  /// the reason).
  virtual Result<Value> environment(const engine::TaskSpec& work) = 0;
  /// Idempotent in `attempt.fence`: an attempt that is running is reattached, and one that has ended reports
  /// its outcome again (the same outcome, or that of repeating work that may be repeated). After each call
  /// the outcome arrives at the sink; after two calls for a running attempt, once or twice.
  virtual void start(const Attempt& attempt) = 0;
  /// Requests an early end; the outcome still arrives. Unknown fences are ignored.
  virtual void cancel(const Fence& fence) = 0;
  /// Another engine has claimed the run, and has this attempt now: its outcome is not wanted here any more.
  virtual void abandon(const Fence& fence) { static_cast<void>(fence); }
  /// The attempt's outcome is in the journal, so the executor may forget the attempt. Unknown fences are
  /// ignored.
  virtual void acknowledge(const Fence& fence) = 0;
  /// Every attempt that a run waits for has been passed to `start`; the executor may forget all others. Their
  /// outcomes were stored by a server that died before it acknowledged them.
  virtual void all_reattached() {}
  /// How far a running attempt is, as its work reports it; nullopt if it reports nothing, or is not known.
  /// Thread-safe.
  [[nodiscard]] virtual std::optional<Progress> progress(const Fence& fence) const {
    static_cast<void>(fence);
    return std::nullopt;
  }
  /// Where the attempt's output is (or will be) written, for `sluice logs`; empty if it has none.
  /// Thread-safe.
  [[nodiscard]] virtual std::filesystem::path log_of(const RunId& run, const std::string& path,
                                                     int number) const = 0;
};

}  // namespace sluice::ports
