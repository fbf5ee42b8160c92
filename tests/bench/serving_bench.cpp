// Measures the endpoint and the raw runtime; each mode prints JSON.
//   serving_bench raw BASE HEAD CACHE SECONDS PICTURE…
//       the pictures in this process, without a server
//   serving_bench load URL ENDPOINT CLIENTS SECONDS PICTURE…
//       the endpoint with CLIENTS clients, each with its own connection
//   serving_bench added BASE HEAD CACHE URL ENDPOINT SECONDS PICTURE…
//       one client, and the same pictures in this process, alternately, so that other load on the machine
//       affects both
// BASE and HEAD are checkouts of model repositories.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <semaphore>
#include <thread>

#include <fmt/format.h>

#include "figures.hpp"
#include "sluice/base/json.hpp"
#include "sluice/host/base_model.hpp"
#include "sluice/host/embedder.hpp"
#include "sluice/host/head.hpp"
#include "sluice/net/client.hpp"
#include "sluice/os/files.hpp"

namespace {

using namespace sluice;

using bench::good;
using bench::now;
using bench::quantile;
using bench::resident_bytes;

std::vector<std::string> read_all(char** from, char** to) {
  std::vector<std::string> pictures;
  for (; from != to; ++from) pictures.push_back(good(os::read_file(*from)));
  return pictures;
}

/// A head and its base, as a host loads them.
struct RawModel {
  RawModel(const std::string& base_folder, std::string head_folder_, const std::string& cache)
      : head_folder(std::move(head_folder_)) {
    const auto description = good(parse_json(good(os::read_file(head_folder + "/model.json"))));
    const auto digest = description.find("base")->text_at("digest");
    const auto tap = description.find("base")->text_at("tap");
    base = good(host::load_base_model(runtime, digest,
                                      {.base = base_folder, .compiled = cache, .scratch = cache}, tap));
    head = load_head();
    embedder = std::make_unique<host::Embedder>(base);
  }

  std::shared_ptr<host::Head> load_head() {
    return good(host::Head::load_for(*base, runtime, good(os::read_file(head_folder + "/model.json")),
                                     good(os::read_file(head_folder + "/head.onnx"))));
  }

  std::string head_folder;
  runtimes::OpenVino runtime;
  std::shared_ptr<const host::BaseModel> base;
  std::shared_ptr<host::Head> head;
  std::unique_ptr<host::Embedder> embedder;
};

/// Measures decoding, preprocessing, base and head together, with enough concurrent pictures to use all
/// cores.
void measure_whole_path(RawModel& model, double seconds, const std::vector<std::string>& pictures) {
  constexpr std::size_t concurrent_max = 16;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t running = 0;
  std::vector<double> times;
  const auto begun = now();
  std::size_t next = 0;
  while (now() - begun < seconds) {
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return running < concurrent_max; });
      ++running;
    }
    const auto& picture = pictures[next++ % pictures.size()];
    const auto start = now();
    model.embedder->submit([&picture] { return host::media::decode_picture(picture); },
                           [&, start](Result<std::vector<float>> row) {
                             static_cast<void>(good(model.head->predict(good(std::move(row)), 1)));
                             const std::lock_guard lock(mutex);
                             times.push_back(now() - start);
                             --running;
                             changed.notify_one();
                           });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return running == 0; });
  fmt::print("{{\"at_once\": {}, \"per_second\": {:.1f}, \"p50_ms\": {:.3f}}}\n", concurrent_max,
             static_cast<double>(times.size()) / (now() - begun), 1e3 * quantile(times, 0.5));
}

/// Measures the whole path, then its parts.
void raw(RawModel& model, double seconds, const std::vector<std::string>& pictures) {
  measure_whole_path(model, seconds, pictures);

  // The network alone, on a preprocessed picture.
  auto& network = *model.base->network;
  std::vector<float> in(network.input_elements() * 16, 0.5F);
  std::vector<float> out(network.output_elements() * 16);
  std::size_t done = 0;
  const auto begun = now();
  for (; now() - begun < seconds; done += 16) {
    if (auto ran = network.run(in, out); !ran) std::exit(1);
  }
  fmt::print("{{\"network_per_second\": {:.1f}}}\n", static_cast<double>(done) / (now() - begun));

  constexpr std::size_t heads = 1000;
  const auto before = resident_bytes();
  const auto start = now();
  std::vector<std::shared_ptr<host::Head>> kept;
  for (std::size_t i = 0; i < heads; ++i) kept.push_back(model.load_head());
  fmt::print("{{\"heads\": {}, \"ms_a_head\": {:.2f}, \"bytes_a_head\": {}}}\n", heads,
             1e3 * (now() - start) / heads, (resident_bytes() - before) / static_cast<std::int64_t>(heads));
}

/// A request with one picture, in the binary extension of the protocol.
net::ClientRequest request_for(const std::string& endpoint, const std::string& picture) {
  const auto head = fmt::format(
      "{{\"inputs\":[{{\"name\":\"image\",\"shape\":[1],\"datatype\":\"BYTES\",\"parameters\":{{\"binary_"
      "data_"
      "size\":{}}}}}]}}",
      picture.size() + 4);
  std::string body = head;
  for (int shift = 0; shift < 32; shift += 8)
    body.push_back(static_cast<char>(picture.size() >> shift & 0xff));
  body += picture;
  return {.method = "POST",
          .target = "/v2/models/" + endpoint + "/infer",
          .headers = {{"Inference-Header-Content-Length", std::to_string(head.size())},
                      {"Content-Type", "application/octet-stream"}},
          .body = std::move(body)};
}

void load(const std::string& url, const std::string& endpoint, std::size_t clients, double seconds,
          const std::vector<std::string>& pictures) {
  std::vector<net::ClientRequest> requests;
  for (const auto& picture : pictures) requests.push_back(request_for(endpoint, picture));
  std::atomic<bool> stop = false;
  std::vector<std::vector<double>> times(clients);
  std::vector<std::thread> threads;
  const auto begun = now();
  for (std::size_t i = 0; i < clients; ++i)
    threads.emplace_back([&, i] {
      auto client = good(net::HttpClient::make({.url = url}));
      for (std::size_t next = i; !stop; ++next) {
        const auto start = now();
        const auto response = good(client.request(requests[next % requests.size()]));
        if (response.status != 200) {
          fmt::print(stderr, "serving_bench: {} {}\n", response.status, response.body);
          std::exit(1);
        }
        times[i].push_back(now() - start);
      }
    });
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& thread : threads) thread.join();
  const auto took = now() - begun;
  std::vector<double> all;
  for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
  fmt::print("{{\"clients\": {}, \"per_second\": {:.1f}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}}}\n", clients,
             static_cast<double>(all.size()) / took, 1e3 * quantile(all, 0.5), 1e3 * quantile(all, 0.99));
}

/// Seconds that one picture takes in this process.
double time_raw(RawModel& model, const std::string& picture) {
  std::binary_semaphore answered(0);
  const auto start = now();
  model.embedder->submit([&picture] { return host::media::decode_picture(picture); },
                         [&](Result<std::vector<float>> row) {
                           static_cast<void>(good(model.head->predict(good(std::move(row)), 1)));
                           answered.release();
                         });
  answered.acquire();
  return now() - start;
}

void added(RawModel& model, const std::string& url, const std::string& endpoint, double seconds,
           const std::vector<std::string>& pictures) {
  constexpr std::size_t turn = 10;  ///< requests, enough to warm the caches of the process again
  auto client = good(net::HttpClient::make({.url = url}));
  std::vector<double> raw_times;
  std::vector<double> endpoint_times;
  for (const auto begun = now(); now() - begun < seconds;) {
    const auto first = raw_times.size();
    for (std::size_t i = first; i < first + turn; ++i)
      raw_times.push_back(time_raw(model, pictures[i % pictures.size()]));
    for (std::size_t i = first; i < first + turn; ++i) {
      const auto request = request_for(endpoint, pictures[i % pictures.size()]);
      const auto start = now();
      if (const auto response = good(client.request(request)); response.status != 200) {
        fmt::print(stderr, "serving_bench: {} {}\n", response.status, response.body);
        std::exit(1);
      }
      endpoint_times.push_back(now() - start);
    }
  }
  std::vector<double> differences;  // per picture, since pictures differ by more than the added time
  for (std::size_t i = 0; i < raw_times.size(); ++i) differences.push_back(endpoint_times[i] - raw_times[i]);
  fmt::print(
      "{{\"raw_p50_ms\": {:.3f}, \"endpoint_p50_ms\": {:.3f}, \"added_p50_ms\": {:.3f}, \"asked\": {}}}\n",
      1e3 * quantile(raw_times, 0.5), 1e3 * quantile(endpoint_times, 0.5), 1e3 * quantile(differences, 0.5),
      endpoint_times.size());
}

int usage() {
  fmt::print(stderr,
             "usage: serving_bench raw BASE HEAD CACHE SECONDS PICTURE…\n"
             "       serving_bench load URL ENDPOINT CLIENTS SECONDS PICTURE…\n"
             "       serving_bench added BASE HEAD CACHE URL ENDPOINT SECONDS PICTURE…\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const int words = mode == "added" ? 8 : 6;  // before the pictures
  if (argc <= words || (mode != "raw" && mode != "load" && mode != "added")) return usage();
  const auto seconds = std::strtod(argv[words - 1], nullptr);
  const auto pictures = read_all(argv + words, argv + argc);
  if (mode == "load") {
    load(argv[2], argv[3], std::strtoull(argv[4], nullptr, 10), seconds, pictures);
    return 0;
  }
  RawModel model(argv[2], argv[3], argv[4]);
  if (mode == "raw")
    raw(model, seconds, pictures);
  else
    added(model, argv[5], argv[6], seconds, pictures);
  return 0;
}
