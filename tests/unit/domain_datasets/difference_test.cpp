#include "sluice/domain/datasets/difference.hpp"

#include <gmock/gmock.h>

namespace sluice::datasets {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Example example(const std::string& path, const std::string& bytes, std::vector<std::string> labels) {
  return {.path = path, .digest = Digest::of(bytes), .labels = std::move(labels)};
}

TEST(DataSetDifference, NamesWhatWasAddedRemovedAndRelabelled) {
  const Examples earlier{.all = {example("cat/1", "1", {"cat"}), example("cat/2", "2", {"cat"}),
                                 example("dog/3", "3", {"dog"})}};
  const Examples later{.all = {example("cat/1", "1", {"cat"}), example("cat/4", "4", {"cat"}),
                               example("dog/2", "2", {"dog"})}};
  const auto found = difference(earlier, later);
  EXPECT_EQ(found.added, 1);
  EXPECT_EQ(found.removed, 1);
  EXPECT_EQ(found.relabelled, 1);
  EXPECT_THAT(
      found.changes,
      ElementsAre(
          Change{.kind = Change::Kind::added, .path = "cat/4", .labels = {"cat"}, .earlier = {}},
          Change{.kind = Change::Kind::relabelled, .path = "dog/2", .labels = {"dog"}, .earlier = {"cat"}},
          Change{.kind = Change::Kind::removed, .path = "dog/3", .labels = {"dog"}, .earlier = {}}));
}

TEST(DataSetDifference, ARenamedFileAndASecondCopyAreNone) {
  const Examples earlier{.all = {example("cat/1", "1", {"cat"})}};
  const Examples later{.all = {example("cat/a", "1", {"cat"}), example("cat/b", "1", {"cat"})}};
  EXPECT_THAT(difference(earlier, later).changes, IsEmpty());
}

}  // namespace
}  // namespace sluice::datasets
