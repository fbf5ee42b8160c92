#pragma once
#include <filesystem>
#include <string>

#include "sluice/base/ids.hpp"
#include "sluice/engine/work.hpp"

namespace sluice::ports {

/// One try of one task.
struct Attempt {
  RunId run;
  std::string path;  ///< the task's identity in its run, "folds[3]/fit"
  int number = 1;
  Fence fence;
  Principal principal;
  engine::Work work;
  /// Identity of the effect, the same for every attempt and after every crash: run + path.
  std::string effect_key;
};

/// Where outcomes go. Thread-safe; may be called from inside `start`.
class OutcomeSink {
 public:
  virtual ~OutcomeSink() = default;
  virtual void ended(const Fence& fence, engine::Outcome outcome) = 0;
};

/// Runs attempts somewhere. Made after the driver, and gone before it. Called on the driver's thread only,
/// but for `log_of`, and returns quickly: what may take longer than writing a few small files happens on
/// threads of its own.
class Executor {
 public:
  virtual ~Executor() = default;
  /// What decides the outcome besides the work itself, for the cache key: the resolved executable and its
  /// digest, or the service's version, its models and the instruction set. A program or model that was not
  /// seen before is read for that, once. An error means: do not cache (the attempt will tell why).
  virtual Result<Value> environment(const engine::Work& work) = 0;
  /// Idempotent in `attempt.fence`: an attempt that is running is taken up, one that has ended answers again
  /// (by the same outcome, or by doing again what may be done twice). After each call the outcome arrives at
  /// the sink; after two calls for one that runs, once or twice.
  virtual void start(const Attempt& attempt) = 0;
  /// Asks for an early end; the outcome still arrives. Unknown fences are ignored.
  virtual void cancel(const Fence& fence) = 0;
  /// The attempt's outcome is in the journal: nothing of it need be remembered. Unknown fences are ignored.
  virtual void settled(const Fence& fence) = 0;
  /// Every attempt that some run waits for has been started here: of others, nothing need be remembered.
  /// Their outcomes were stored by a server that died before it could say so.
  virtual void all_taken_up() {}
  /// Where the attempt's output is (or will be) written, for `sluice logs`; empty where there is none.
  /// Thread-safe.
  [[nodiscard]] virtual std::filesystem::path log_of(const RunId& run, const std::string& path,
                                                     int number) const = 0;
};

}  // namespace sluice::ports
