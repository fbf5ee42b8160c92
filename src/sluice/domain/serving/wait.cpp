#include <condition_variable>
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

Result<ports::HostResponse> call_with_retry(Hosts& hosts, const HostNeed& need, const std::string& method,
                                            const std::function<Result<Struct>()>& params,
                                            const std::stop_token& cancel,
                                            const ports::ReportProgress& report) {
  for (int deaths = 1;; ++deaths) {
    SLUICE_TRY(given, params());
    bool died = true;
    auto reply = [&]() -> Result<ports::HostResponse> {
      SLUICE_TRY(host, hosts.acquire_and_wait(need, cancel));
      auto response = call_and_wait(host, method, std::move(given), {}, cancel, report);
      died = host.died();
      return response;
    }();
    if (reply || reply.error().code != Code::unavailable || !died) return reply;
    if (deaths == deaths_max)
      return Fail(environment_error(Code::unavailable,
                                    "the model host died twice during `" + method +
                                        "`; check whether memory ran out; otherwise bisect the input to find "
                                        "the part that causes it")
                      .with_note(reply.error().message));
  }
}

}  // namespace sluice::serving
