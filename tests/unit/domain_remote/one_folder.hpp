#pragma once
// What a fetch needs, for tests: real stores, and the other side.
#include <deque>
#include <map>

#include "result_assertions.hpp"
#include "sluice/base/random.hpp"
#include "sluice/domain/remote/remote_files.hpp"
#include "sluice/os/files.hpp"
#include "sluice/stores/directory/directory_object_store.hpp"
#include "sluice/stores/directory/fetch_memory_files.hpp"
#include "sluice/stores/directory/secret_files.hpp"

namespace sluice::remote {

/// The other side: responses by URL, and what was asked.
class Elsewhere final : public ports::Outbound {
 public:
  using Answer = std::function<Result<ports::Response>(const Request&)>;
  Result<ports::Response> request(const Request& request) override {
    asked.push_back(request);
    const auto url = std::string(request.tls ? "https" : "http") + "://" + request.host + request.target;
    if (auto allowed = request.check_addresses({*IpAddress::parse(
            addresses.contains(request.host) ? addresses[request.host] : "93.184.215.14")});
        !allowed)
      return Fail(std::move(allowed).error());
    if (!answers.contains(url))
      return ports::Response{.status = 404, .body = "<Error><Code>NoSuchKey</Code></Error>"};
    SLUICE_TRY(response, answers[url](request));
    if (response.status / 100 != 2 || !request.on_bytes) return response;
    auto head = response;
    head.body.clear();
    if (!response.body.empty() && !request.on_bytes(head, response.body)) return head;
    return head;
  }
  std::map<std::string, Answer> answers;
  std::map<std::string, std::string> addresses;
  std::vector<Request> asked;
};

inline std::string header_in(const ports::Outbound::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

/// Everything that a fetch needs, in a folder of its own.
struct OneFolder {
  os::TemporaryDirectory folder = test::value_of(os::TemporaryDirectory::make("/tmp", "remote-"));
  SystemClock clock;
  SystemRandom random;
  Elsewhere elsewhere;
  std::unique_ptr<stores::DirectoryObjectStore> objects = test::value_of(
      stores::DirectoryObjectStore::open(folder.path() / "objects", folder.path() / "cache", clock));
  std::unique_ptr<ports::Secrets> secrets = stores::secret_files(folder.path() / "secrets", clock, random);
  std::unique_ptr<ports::FetchMemory> memory = stores::fetch_memory_files(folder.path() / "fetched", random);

  RemoteFiles files(const std::vector<std::string>& patterns, RemoteFiles::Limits limits = {}) {
    return RemoteFiles(
        {.outbound = elsewhere, .objects = *objects, .secrets = *secrets, .memory = *memory, .clock = clock},
        test::value_of(AllowedUrls::parse(patterns, {})), limits);
  }
  void set(const std::string& name, const std::string& value) {
    ASSERT_OK(secrets->set({.workspace = "default", .name = "owner"}, name, value));
  }
};

inline Elsewhere::Answer sends(std::string body,
                               std::vector<std::pair<std::string, std::string>> headers = {},
                               int status = 200) {
  return [=](const ports::Outbound::Request&) {
    return ports::Response{.status = status, .headers = headers, .body = body};
  };
}

}  // namespace sluice::remote
