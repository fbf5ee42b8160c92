#include "sluice/supervisor/connection.hpp"

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "result_assertions.hpp"
#include "sluice/os/socket.hpp"

namespace sluice::supervisor {
namespace {

class ConnectionTest : public ::testing::Test {
 protected:
  ConnectionTest() {
    auto [ours, theirs] = test::value_of(os::socket_pair());
    connection_.emplace(std::move(ours));
    peer_ = std::move(theirs);
  }
  /// A response of many bytes.
  static Holding long_response(std::uint64_t number) {
    return {.running = std::vector<std::string>(1000, std::string(100, 'f')), .last = number};
  }
  /// What has arrived at the other end.
  std::vector<Response> received() {
    std::vector<Response> out;
    char buffer[65536];
    for (ssize_t n = 0; (n = recv(peer_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
      frames_.feed({buffer, static_cast<std::size_t>(n)});
      for (auto frame = frames_.next(); *frame; frame = frames_.next())
        out.push_back(test::value_of(decode_response(**frame)));
    }
    return out;
  }

  std::optional<Connection> connection_;
  os::UniqueFd peer_;
  FrameReader frames_;
};

TEST_F(ConnectionTest, ReceivesWhatIsThere) {
  EXPECT_TRUE(connection_->receive());
  EXPECT_EQ(test::value_of(connection_->next()), std::nullopt);
  ASSERT_OK(os::write_all(peer_.get(), encode(Request(List{.since = 7}))));
  EXPECT_TRUE(connection_->receive());
  EXPECT_EQ(test::value_of(connection_->next()), std::optional(Request(List{.since = 7})));
  EXPECT_EQ(test::value_of(connection_->next()), std::nullopt);
}

// Whatever the last error of the process was.
TEST_F(ConnectionTest, EndsWhenTheOtherEndIsClosed) {
  peer_.reset();
  for (const int error : {EINTR, EAGAIN, ECONNRESET}) {
    errno = error;
    EXPECT_FALSE(connection_->receive());
  }
  EXPECT_FALSE(connection_->send(Goodbye{}));
}

TEST_F(ConnectionTest, KeepsWhatCannotBeSentYet) {
  std::uint64_t sent = 0;
  while (!connection_->waits_to_send()) ASSERT_TRUE(connection_->send(long_response(++sent)));
  ASSERT_TRUE(connection_->send(long_response(++sent)));
  EXPECT_TRUE(connection_->flush());  // the socket takes nothing more
  EXPECT_TRUE(connection_->waits_to_send());
  std::uint64_t arrived = 0;
  while (arrived < sent) {
    for (const auto& response : received()) EXPECT_EQ(response, Response(long_response(++arrived)));
    ASSERT_TRUE(connection_->flush());
  }
  EXPECT_FALSE(connection_->waits_to_send());
  EXPECT_EQ(received().size(), 0U);
  EXPECT_TRUE(connection_->send(Goodbye{}));
  EXPECT_EQ(received(), std::vector<Response>{Goodbye{}});
}

TEST_F(ConnectionTest, EndsWhenTheOtherEndReadsTooLittle) {
  const auto response = long_response(1);
  const auto bytes = encode(Response(response)).size();
  std::size_t sent = 0;
  while (connection_->send(response)) {
    sent += bytes;
    ASSERT_LT(sent, std::size_t{64} << 20);
  }
  EXPECT_GT(sent, std::size_t{31} << 20);
}

}  // namespace
}  // namespace sluice::supervisor
