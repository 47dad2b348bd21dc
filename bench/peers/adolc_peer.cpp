// ADOL-C, for scripts/compare_peers: a tape recorded once, gone through forwards and backwards for each point. Its
// tapes are the process's own, so each thread is a process here, which writes into memory that they share.

#include "functions.hpp"
#include "worker.hpp"

#include <adolc/adolc.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

template <class F>
void record(short tag) {
  constexpr int n = F::n;
  trace_on(tag);
  adouble x[n];
  double y = 0;
  for (int i = 0; i < n; ++i) x[i] <<= 0.5;
  adouble result = F()(x);
  result >>= y;
  trace_off();
}

void compute(const peers::Task& task, short tag, std::int64_t begin, std::int64_t end) {
  const int n = static_cast<int>(task.n);
  std::vector<double> x(n), gradient(n);
  for (std::int64_t p = begin; p < end; ++p) {
    for (int i = 0; i < n; ++i) x[i] = task.x[i * task.count + p];
    double value = 0, one = 1;
    zos_forward(tag, 1, n, 1, x.data(), &value);
    fos_reverse(tag, 1, n, &one, gradient.data());
    task.value[p] = value;
    for (int i = 0; i < n; ++i) task.gradient[i * task.count + p] = gradient[i];
  }
}

/// Processes that each compute a part when told, and end with this one.
class Team {
 public:
  Team(const peers::Task& task, short tag) : task_(task), tag_(tag), size_(peers::threads()) {
    for (int k = 1; k < size_; ++k) {
      int down[2], up[2];
      if (pipe(down) != 0 || pipe(up) != 0) throw std::runtime_error("no pipe");
      const pid_t child = fork();
      if (child < 0) throw std::runtime_error("no process");
      if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(down[1]);
        for (char byte = 0; read(down[0], &byte, 1) == 1;) {
          part(k);
          if (write(up[1], &byte, 1) != 1) break;
        }
        _exit(0);
      }
      close(down[0]);
      close(up[1]);
      members_.push_back({child, down[1], up[0]});
    }
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() {
    for (const Member& member : members_) {
      close(member.down);
      close(member.up);
      kill(member.process, SIGKILL);
      waitpid(member.process, nullptr, 0);
    }
  }

  void run() const {
    char byte = 1;
    for (const Member& member : members_) {
      if (write(member.down, &byte, 1) != 1) throw std::runtime_error("a process has ended");
    }
    part(0);
    for (const Member& member : members_) {
      if (read(member.up, &byte, 1) != 1) throw std::runtime_error("a process has ended");
    }
  }

 private:
  struct Member {
    pid_t process;
    int down, up;
  };
  void part(int k) const { compute(task_, tag_, task_.count * k / size_, task_.count * (k + 1) / size_); }

  peers::Task task_;
  short tag_;
  int size_;
  std::vector<Member> members_;
};

std::vector<peers::Variant> variants(const peers::Task& task) {
  static short tag = 0;
  ++tag;
  if (task.name == "rosenbrock") {
    record<peers::Rosenbrock>(tag);
  } else if (task.name == "wave_saddle") {
    record<peers::WaveSaddle>(tag);
  } else if (task.name == "ackley") {
    record<peers::Ackley>(tag);
  } else if (task.name == "lennard_jones") {
    record<peers::LennardJones>(tag);
  } else {
    throw std::runtime_error("does not know " + task.name);
  }
  const auto team = std::make_shared<Team>(task, tag);
  return {{"a tape for each point", [team] { team->run(); }}};
}

}  // namespace

int main() { return peers::Worker(variants, peers::Memory::shared).serve("ADOL-C " PEER_VERSION); }
