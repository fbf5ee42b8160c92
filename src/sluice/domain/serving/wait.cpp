#include <condition_variable>
#include <fstream>
#include <mutex>

#include "sluice/domain/serving/hosts.hpp"

namespace sluice::serving {
namespace {

/// A result that is set once and waited for, with cancellation. Shared by the setter and the waiter.
template <typename T>
struct Completion {
  std::mutex mutex;
  std::condition_variable_any completed;
  std::optional<Result<T>> result;

  void set(Result<T> given) {
    const std::lock_guard lock(mutex);
    result.emplace(std::move(given));
    completed.notify_all();
  }
  Result<T> wait(const std::stop_token& cancel, std::string_view what) {
    std::unique_lock lock(mutex);
    if (!completed.wait(lock, cancel, [this] { return result.has_value(); }))
      return Fail(user_error(Code::cancelled, std::string(what) + " was cancelled"));
    return std::move(*result);
  }
};

}  // namespace

Result<HostLease> Hosts::acquire_and_wait(HostNeed need, const std::stop_token& cancel) {
  const auto completion = std::make_shared<Completion<HostLease>>();
  acquire(std::move(need), [completion](Result<HostLease> lease) { completion->set(std::move(lease)); });
  return completion->wait(cancel, "waiting for a host");
}

Result<ports::HostResponse> call_and_wait(HostLease& host, std::string method, Value params,
                                          std::string payload, const std::stop_token& cancel,
                                          ports::ReportProgress report) {
  const auto completion = std::make_shared<Completion<ports::HostResponse>>();
  const std::string what = method;
  host.call(
      std::move(method), std::move(params), std::move(payload),
      [completion](Result<ports::HostResponse> reply) { completion->set(std::move(reply)); },
      std::move(report));
  return completion->wait(cancel, what);
}

Result<void> work_on_host(Hosts& hosts, const HostNeed& need, const std::string& what,
                          const std::function<Result<void>(HostLease&)>& work,
                          const std::stop_token& cancel) {
  for (int deaths = 1;; ++deaths) {
    bool died = true;
    auto outcome = [&]() -> Result<void> {
      SLUICE_TRY(host, hosts.acquire_and_wait(need, cancel));
      auto done = work(host);
      died = host.died();
      return done;
    }();
    if (outcome || outcome.error().code != Code::unavailable || !died) return outcome;
    if (deaths == deaths_max)
      return Fail(environment_error(Code::unavailable,
                                    "the model host died twice during `" + what +
                                        "`; check whether memory ran out; otherwise bisect the input to find "
                                        "the part that causes it")
                      .with_note(outcome.error().message));
  }
}

Result<void> Hosts::try_head(const HostNeed& need, const std::stop_token& cancel) {
  const auto mark = mark_of_trial(need);
  std::error_code unknown;
  if (std::filesystem::exists(mark, unknown)) return {};
  SLUICE_TRY(load, load_request(need));
  for (int deaths = 1;; ++deaths) {
    SLUICE_TRY(host, start_apart(need.base));
    const auto call = [&](const std::string& method, Value params, std::string payload) -> Result<void> {
      const auto completion = std::make_shared<Completion<ports::HostResponse>>();
      host->call(method, std::move(params), std::move(payload),
                 [completion](Result<ports::HostResponse> reply) { completion->set(std::move(reply)); });
      if (auto reply = completion->wait(cancel, method); !reply) return Fail(std::move(reply).error());
      return {};
    };
    Struct base;
    base.set("base", need.base.digest->hex());
    Struct head;
    head.set("head", need.head->digest->hex());
    auto outcome = call("load_base", std::move(base), {});
    const bool has_base = outcome.has_value();
    if (outcome) outcome = call("load_head", load.first, load.second);
    if (outcome) outcome = call("try_head", std::move(head), {});
    if (outcome) {  // a mark that cannot be written costs another trial
      std::filesystem::create_directories(mark.parent_path(), unknown);
      std::ofstream{mark};
    }
    if (outcome || !host->died()) return outcome;
    if (deaths == deaths_max && !has_base) return outcome;  // it was not the head
    if (deaths == deaths_max)
      return Fail(
          user_error(Code::failed_precondition,
                     "the head ends the model host that predicts with it, twice; it must not be served")
              .with_note(outcome.error().message));
  }
}

}  // namespace sluice::serving
