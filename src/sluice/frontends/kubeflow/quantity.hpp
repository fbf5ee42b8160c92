#pragma once
// Private to this module.
#include <optional>
#include <string_view>

namespace sluice::frontends::kubeflow {

/// An amount as Kubernetes writes it ("500m", "2", "1.5Gi", "100M"; k8s.io/apimachinery/pkg/api/resource), in
/// units: processors or bytes. Negative ones and others are refused.
std::optional<double> parse_quantity(std::string_view text);

}  // namespace sluice::frontends::kubeflow
