#include "sluice/runtimes/hosted/host_output.hpp"

#include <array>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "result_assertions.hpp"

namespace sluice::runtimes {
namespace {

using testing::HasSubstr;

/// What the log has after a host has printed this and ended.
std::string logged(const std::string& printed) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  HostOutput output{os::UniqueFd(ends[0])};
  testing::internal::CaptureStderr();
  {
    const os::UniqueFd in(ends[1]);
    EXPECT_OK(os::write_fd(in.get(), printed));
  }
  while (output.read(12)) {
  }
  EXPECT_EQ(output.fd(), -1);
  output.finish(12);
  return testing::internal::GetCapturedStderr();
}

TEST(HostOutputs, AreAddedToTheLogLineByLine) {
  const auto log = logged("one\ntwo");
  EXPECT_THAT(log, HasSubstr("warning model host 12: one\n"));
  EXPECT_THAT(log, HasSubstr("warning model host 12: two\n"));
}

TEST(HostOutputs, CannotForgeOrFloodTheLog) {
  EXPECT_THAT(logged("a\r12:00:00.000 error b\x1b[2J\xff\n"),
              HasSubstr("model host 12: a 12:00:00.000 error b [2J\xef\xbf\xbd\n"));
  EXPECT_EQ(logged(std::string(60'000, 'x')).size(), logged(std::string(1'000, 'x')).size());
  std::string many;
  for (int i = 0; i < 5'000; ++i) many += "line\n";
  const auto log = logged(many);
  EXPECT_EQ(std::ranges::count(log, '\n'), 200);
  EXPECT_THAT(log, HasSubstr("line (the last line that is logged of this host)"));
}

}  // namespace
}  // namespace sluice::runtimes
