#pragma once
#include <string>
#include <vector>

#include "sluice/domain/ai/split.hpp"

namespace sluice::ai {

/// What makes a split less good than it looks: the same picture (by its bytes) in two classes, or both among
/// those that are learned from and those that are held out; classes whose names look the same, because they
/// differ only in how Unicode composes their characters (NFC, NFD). At most 100, then how many more there
/// are.
std::vector<std::string> warnings_of(const Split& split);

}  // namespace sluice::ai
