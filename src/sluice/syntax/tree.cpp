#include "sluice/syntax/tree.hpp"

namespace sluice::syntax {

const Node* Node::find(std::string_view key) const {
  for (const auto& field : fields)
    if (field.key == key) return field.value.get();
  return nullptr;
}

Value Node::to_value() const {
  switch (kind) {
    case Kind::scalar: return scalar;
    case Kind::list: {
      List list;
      list.reserve(items.size());
      for (const auto& item : items) list.push_back(item.to_value());
      return list;
    }
    case Kind::map: {
      Struct map;
      for (const auto& field : fields) map.append(field.key, field.value->to_value());
      return map;
    }
  }
  return {};
}

}  // namespace sluice::syntax
