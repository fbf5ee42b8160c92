#include "sluice/os/socket.hpp"

#include <array>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

#include "result_assertions.hpp"
#include "scratch.hpp"

namespace sluice::os {
namespace {

class Sockets : public Scratch {
 protected:
  static std::string receive(int fd, std::size_t bytes) {
    std::string text(bytes, 0);
    const auto read = read_exact(fd, std::as_writable_bytes(std::span(text)));
    return read ? text : read.error().message;
  }
  static void talk(const std::filesystem::path& path) {
    const auto listener = listen_unix(path);
    ASSERT_OK(listener);
    EXPECT_EQ(mode_of(path), 0600U);
    const auto client = connect_unix(path);
    ASSERT_OK(client);
    const UniqueFd server(accept(listener->get(), nullptr, nullptr));
    EXPECT_EQ(*peer_user(server.get()), geteuid());
    ASSERT_OK(write_all(client->get(), "hello"));
    EXPECT_EQ(receive(server.get(), 5), "hello");
  }
};

TEST_F(Sockets, CarryBytes) { talk(at("s")); }

TEST_F(Sockets, ReplaceTheFileOfADeadListener) {
  {
    ASSERT_TRUE(listen_unix(at("s")));
  }
  EXPECT_EQ(connect_unix(at("s")).error().code, Code::unavailable);
  talk(at("s"));
}

TEST_F(Sockets, MayHaveALongPath) {
  const auto folder = at(std::string(120, 'x') + "/" + std::string(120, 'y'));
  ASSERT_OK(make_directories(folder));
  talk(folder / "s");
  EXPECT_EQ(listen_unix(folder / std::string(100, 'z')).error().message,
            (folder / std::string(100, 'z')).string() + ": the name is too long for a socket");
}

TEST_F(Sockets, ReportAMissingListener) {
  const auto missing = connect_unix(at("s"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_EQ(missing.error().message, "cannot connect to " + at("s").string() + ": No such file or directory");
}

TEST_F(Sockets, AClosedEndIsAnErrorNotASignal) {
  auto pair = socket_pair();
  ASSERT_TRUE(pair);
  ASSERT_OK(write_all(pair->second.get(), "ab"));
  pair->second.reset();
  EXPECT_EQ(receive(pair->first.get(), 3), "the other end closed the connection");
  EXPECT_FALSE(write_all(pair->first.get(), "x"));
}

TEST_F(Sockets, LargeWritesArriveWhole) {
  auto pair = socket_pair();
  const std::string sent(3'000'000, 'x');
  std::thread writer([&] { EXPECT_OK(write_all(pair->first.get(), sent)); });
  EXPECT_EQ(receive(pair->second.get(), sent.size()), sent);
  writer.join();
}

TEST_F(Sockets, CanBeMadeNotToWait) {
  auto pair = socket_pair();
  ASSERT_OK(set_nonblocking(pair->first.get()));
  char byte = 0;
  EXPECT_EQ(read(pair->first.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace sluice::os
