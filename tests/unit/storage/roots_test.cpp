#include "sluice/domain/storage/roots.hpp"

#include "storage_fixture.hpp"

namespace sluice::storage {

// A column that is not in the list may hold digests that a sweep does not know.
TEST_F(StorageTest, EveryColumnOfTheLedgerIsInTheListOfRoots) {
  const auto columns = test::value_of(ledger_->columns());
  std::vector<std::string> listed;
  for (const auto& root : roots_in_ledger) {
    listed.emplace_back(root.place);
    EXPECT_FALSE(root.why.empty()) << root.place;
  }
  EXPECT_THAT(columns, testing::UnorderedElementsAreArray(listed));
}

}  // namespace sluice::storage
