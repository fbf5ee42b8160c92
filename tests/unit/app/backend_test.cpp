#include "sluice/app/backend.hpp"

#include <gtest/gtest.h>

#include "result_assertions.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;
using test::value_of;

/// Handlers that respond with text and with a file.
std::unique_ptr<app::Backend> backend_of(const std::filesystem::path& file) {
  ports::Protocol protocol{.name = "test", .routes = {}, .error = [](const Error& error) {
                             return ports::Response{.status = http_status(error.code), .body = error.message};
                           }};
  const auto route = [&](const char* pattern, const ports::Response& response) {
    protocol.routes.push_back(
        {.method = "GET",
         .pattern = pattern,
         .handler = [response](const ports::Request&, ports::Responder respond) { respond(response); }});
  };
  route("/text", {.body = "as text"});
  route("/file", {.body_file = file});
  route("/missing", {.status = 404, .body = R"({"error": "it is not here"})"});
  std::vector<ports::Protocol> protocols;
  protocols.push_back(std::move(protocol));
  return value_of(app::local_backend(std::move(protocols)));
}

TEST(LocalBackend, SavesResponses) {
  const auto folder = value_of(os::TemporaryDirectory::make_in_tmp());
  ASSERT_OK(os::write_file(folder.path() / "source", "as a file"));
  const auto backend = backend_of(folder.path() / "source");
  ASSERT_OK(app::download(*backend, "/text", folder.path() / "a"));
  EXPECT_EQ(value_of(os::read_file(folder.path() / "a")), "as text");
  ASSERT_OK(app::download(*backend, "/file", folder.path() / "b"));
  EXPECT_EQ(value_of(os::read_file(folder.path() / "b")), "as a file");
  EXPECT_EQ(test::message_of(app::download(*backend, "/missing", folder.path() / "c")), "it is not here");
  EXPECT_FALSE(os::exists(folder.path() / "c"));
}

}  // namespace
