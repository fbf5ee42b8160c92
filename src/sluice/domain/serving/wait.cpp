#include <condition_variable>
#include <mutex>

#include "sluice/domain/serving/hosts.hpp"

namespace sluice::serving {
namespace {

/// A place where an answer arrives once, for one who waits and may lose patience. Shared by both sides.
template <typename T>
struct Arrival {
  std::mutex mutex;
  std::condition_variable_any arrived;
  std::optional<Result<T>> answer;

  void set(Result<T> given) {
    const std::lock_guard lock(mutex);
    answer.emplace(std::move(given));
    arrived.notify_all();
  }
  Result<T> wait(const std::stop_token& cancel, std::string_view what) {
    std::unique_lock lock(mutex);
    if (!arrived.wait(lock, cancel, [this] { return answer.has_value(); }))
      return Fail(user_error(Code::cancelled, std::string(what) + " was cancelled"));
    return std::move(*answer);
  }
};

}  // namespace

Result<HostLease> Hosts::acquire_and_wait(HostNeed need, const std::stop_token& cancel) {
  const auto arrival = std::make_shared<Arrival<HostLease>>();
  acquire(std::move(need), [arrival](Result<HostLease> lease) { arrival->set(std::move(lease)); });
  return arrival->wait(cancel, "waiting for a host");
}

Result<ports::HostReply> call_and_wait(HostLease& host, std::string method, Value params, std::string payload,
                                       const std::stop_token& cancel) {
  const auto arrival = std::make_shared<Arrival<ports::HostReply>>();
  const std::string what = method;
  host.call(std::move(method), std::move(params), std::move(payload),
            [arrival](Result<ports::HostReply> reply) { arrival->set(std::move(reply)); });
  return arrival->wait(cancel, what);
}

Result<ports::HostReply> ask_and_wait(Hosts& hosts, const HostNeed& need, const std::string& method,
                                      const std::function<Result<Struct>()>& params,
                                      const std::stop_token& cancel) {
  for (int deaths = 1;; ++deaths) {
    SLUICE_TRY(given, params());
    bool died = true;
    auto reply = [&]() -> Result<ports::HostReply> {
      SLUICE_TRY(host, hosts.acquire_and_wait(need, cancel));
      auto answer = call_and_wait(host, method, std::move(given), {}, cancel);
      died = host.died();
      return answer;
    }();
    if (reply || reply.error().code != Code::unavailable || !died) return reply;
    if (deaths == deaths_max)
      return Fail(environment_error(Code::unavailable,
                                    "the model host died twice during `" + method +
                                        "`; see whether memory ran out, else leave half of the input out to "
                                        "find the part that does it")
                      .with_note(reply.error().message));
  }
}

}  // namespace sluice::serving
