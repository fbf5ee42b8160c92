#include "sluice/executors/service/service_executor.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <fmt/format.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/inputs.hpp"
#include "sluice/ir/types.hpp"
#include "sluice/os/files.hpp"

namespace sluice::executors {
namespace {

constexpr std::string_view scratch_prefix = "service-";

/// The reports of one call. Thread-safe.
class Reports {
 public:
  void add(ports::ProgressReport report) {
    const std::lock_guard lock(mutex_);
    if (!first_ || report.done < latest_.done) first_ = report;  // less: it began anew
    latest_ = std::move(report);
  }
  [[nodiscard]] std::optional<ports::Progress> progress() const {
    const std::lock_guard lock(mutex_);
    if (!first_) return std::nullopt;
    return ports::progress_of(*first_, latest_);
  }

 private:
  mutable std::mutex mutex_;
  std::optional<ports::ProgressReport> first_;
  ports::ProgressReport latest_;
};

}  // namespace

std::optional<std::string> type_mismatch_in(const std::vector<ir::Parameter>& declared, const Struct& given,
                                            std::string_view what) {
  for (const auto& parameter : declared) {
    const auto* value = given.find(parameter.name);
    if (!value) {
      if (parameter.optional) continue;
      return fmt::format("{} `{}` is missing; it should be {}", what, parameter.name,
                         ir::describe(parameter.type));
    }
    if (const auto problem = ir::type_mismatch(*value, parameter.type, false))
      return fmt::format("{} `{}` should be {}, but {}", what, parameter.name, ir::describe(parameter.type),
                         *problem);
  }
  for (const auto& [name, value] : given)
    if (std::ranges::find(declared, name, &ir::Parameter::name) == declared.end()) {
      std::vector<std::string> names;
      names.reserve(declared.size());
      for (const auto& parameter : declared) names.push_back(parameter.name);
      return fmt::format("unknown {} `{}`{}", what, name, did_you_mean(name, names));
    }
  return std::nullopt;
}

struct ServiceExecutor::Impl {
  struct Job {
    ports::Attempt attempt;
    ports::Service* service = nullptr;
    std::stop_source stop;
    std::shared_ptr<Reports> reports = std::make_shared<Reports>();  ///< a host may report to it later
  };

  Options options;
  std::vector<ports::Service*> services;
  ports::OutcomeSink& sink;
  const Clock& clock;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::shared_ptr<Job>> queue;
  std::unordered_map<Fence, std::shared_ptr<Job>> active;
  std::atomic<bool> closing = false;
  std::vector<std::thread> threads;

  Impl(Options o, std::vector<ports::Service*> s, ports::OutcomeSink& k, const Clock& c)
      : options(std::move(o)), services(std::move(s)), sink(k), clock(c) {
    // Folders of a server that died, whose calls are not repeated: the run was cancelled, or is never
    // resumed.
    const auto left = os::list_directory(options.work);
    if (!left) return;  // nothing was called here before
    for (const auto& entry : *left)
      if (entry.name.starts_with(scratch_prefix))
        if (auto removed = os::remove_tree(options.work / entry.name); !removed)
          log::warning(removed.error().message);
  }

  [[nodiscard]] ports::Service* find(const std::string& name) const {
    const auto found =
        std::ranges::find_if(services, [&](const auto* s) { return s->signature().name == name; });
    return found == services.end() ? nullptr : *found;
  }

  void work() {
    for (;;) {
      std::shared_ptr<Job> job;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return closing || !queue.empty(); });
        if (closing) return;
        job = std::move(queue.front());
        queue.pop_front();
      }
      auto outcome = run(*job);
      {
        const std::lock_guard lock(mutex);
        active.erase(job->attempt.fence);
      }
      // A server that is closing leaves the attempt open in the journal: the next one calls the service
      // again.
      if (!closing) sink.ended(job->attempt.fence, std::move(outcome));
    }
  }

  engine::Outcome run(const Job& job) {
    engine::Outcome outcome;
    outcome.usage.started = clock.now();
    auto result = call(job);
    outcome.usage.ended = clock.now();
    if (auto environment = job.service->environment(job.attempt.work.with))
      outcome.environment = std::move(*environment);
    if (result) {
      outcome.outputs = std::move(*result);
    } else if (job.stop.stop_requested()) {
      outcome.status = engine::Outcome::Status::cancelled;
      outcome.failure = {.kind = "cancelled", .message = "cancelled"};
    } else {
      outcome.status = engine::Outcome::Status::failed;
      outcome.failure = failure_of(result.error());
    }
    return outcome;
  }

  static engine::Failure failure_of(const Error& error) {
    Struct payload;
    payload.set("code", name(error.code));
    if (!error.notes.empty()) payload.set("notes", List(error.notes.begin(), error.notes.end()));
    return {.kind = "service", .message = error.message, .payload = std::move(payload)};
  }

  Result<Struct> call(const Job& job) {
    if (job.stop.stop_requested()) return Fail(user_error(Code::cancelled, "cancelled before it began"));
    const auto& attempt = job.attempt;
    const auto& signature = job.service->signature();
    if (auto wrong = type_mismatch_in(signature.inputs, attempt.work.with, "input"))
      return Fail(user_error(Code::invalid_argument, signature.name + ": " + *wrong));
    const auto scratch = options.work / (std::string(scratch_prefix) + attempt.fence.text);
    SLUICE_DO(os::make_directories(scratch));
    auto result = job.service->run(
        {.with = attempt.work.with,
         .run = attempt.run,
         .path = attempt.path,
         .effect_key = attempt.effect_key,
         .principal = attempt.principal,
         .scratch = scratch,
         .cancel = job.stop.get_token(),
         .report = [reports = job.reports, &clock = clock](std::int64_t done, std::int64_t total,
                                                           std::string_view unit) {
           reports->add({.done = done, .total = total, .unit = std::string(unit), .at = clock.now()});
         }});
    if (const auto removed = os::remove_tree(scratch); !removed) log::warning(removed.error().message);
    if (result)
      if (auto wrong = type_mismatch_in(signature.outputs, *result, "output"))
        return Fail(internal_error(Code::internal, signature.name + ": " + *wrong));
    return result;
  }
};

ServiceExecutor::ServiceExecutor(Options options, std::vector<ports::Service*> services,
                                 ports::OutcomeSink& sink, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(services), sink, clock)) {
  for (std::size_t i = 0; i < impl_->options.threads; ++i)
    impl_->threads.emplace_back([this] { impl_->work(); });
}

ServiceExecutor::~ServiceExecutor() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing = true;
    for (auto& [fence, job] : impl_->active) job->stop.request_stop();
  }
  impl_->wake.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

Result<Value> ServiceExecutor::environment(const engine::TaskSpec& work) {
  const auto* service = impl_->find(work.service);
  if (!service) return Fail(user_error(Code::not_found, "there is no service `" + work.service + "`"));
  SLUICE_TRY(inner, service->environment(work.with));
  Struct s;
  s.set("service", service->signature().name);
  s.set("version", service->signature().version);
  if (!inner.is_null()) s.set("environment", std::move(inner));
  return Value(std::move(s));
}

void ServiceExecutor::start(const ports::Attempt& attempt) {
  auto* service = impl_->find(attempt.work.service);
  if (!service) {
    engine::Outcome outcome{.status = engine::Outcome::Status::failed};
    outcome.failure = {.kind = "service",
                       .message = "this server has no service `" + attempt.work.service + "`"};
    outcome.usage = {.started = impl_->clock.now(), .ended = impl_->clock.now()};
    impl_->sink.ended(attempt.fence, std::move(outcome));
    return;
  }
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->active.contains(attempt.fence)) return;
    auto job = std::make_shared<Impl::Job>(attempt, service);
    impl_->active.emplace(attempt.fence, job);
    impl_->queue.push_back(std::move(job));
  }
  impl_->wake.notify_one();
}

std::optional<ports::Progress> ServiceExecutor::progress(const Fence& fence) const {
  const std::lock_guard lock(impl_->mutex);
  const auto job = impl_->active.find(fence);
  return job == impl_->active.end() ? std::nullopt : job->second->reports->progress();
}

void ServiceExecutor::cancel(const Fence& fence) {
  const std::lock_guard lock(impl_->mutex);
  if (const auto job = impl_->active.find(fence); job != impl_->active.end())
    job->second->stop.request_stop();
}

}  // namespace sluice::executors
