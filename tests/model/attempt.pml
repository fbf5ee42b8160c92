/*
 * A model of starting, reattaching and cancelling attempts: one process task, and everything that may happen to its attempts
 * while servers and supervisors die and restart. tests/system/test_attempt_model.py has spin explore every order of events.
 *
 * The names are those of the code:
 *   the journal      phase, number, stopping           engine/apply.cpp folds it, engine/attempts.cpp decides
 *   the server       stage, cancelled, ends, …         executors/process/process_executor.cpp (Live) and supervisor_link.cpp
 *   the supervisor   logged, living, asked, waiting      supervisor/attempt_log.hpp, attempts.cpp and interpreters.cpp
 * Here a fence is the number of its attempt; the code derives it from run, path and number, and no two attempts share one.
 *
 * What must hold
 *   - a fence is started at most once, and never after its end was logged;
 *   - no two attempts of the task are alive at the same time;
 *   - no attempt is alive while its sandbox is being prepared;
 *   - an outcome is recorded once;
 *   - a task whose success was recorded is not started again;
 *   - an attempt under a supervisor that died is retried only when none of its processes is alive, and under a new fence;
 *   - once the crashes stop, the task ends; one that was cancelled in the journal ends even if its program never would.
 *
 * What may happen, at any point between two steps
 *   - the server is killed and restarts (SERVER_DEATHS times); messages that it had sent are still in flight (`to_supervisor` of
 *     the previous connection), and are received before or after those of the next server;
 *   - the supervisor is killed (SUPERVISOR_DEATHS times), also between the log entry of a fence and the fork; process trees stay
 *     alive until the recovery of the next supervisor, which is started by a server that needs one;
 *   - a warm interpreter forks for the attempt, or does not, or too late; the supervisor executes the program then;
 *   - the connection breaks (DROPS times), and messages in flight in both directions are lost;
 *   - a user cancels the run; the program ends by itself, with success or failure, or never does.
 *
 * What is left out
 *   - other tasks and runs, regions, the cache, time: a time-out is a cancel caused by the clock, and a retry is immediate
 *     (policies and backoff concern the engine only: tests/golden/engine);
 *   - TERM, grace and KILL: a cancel that is received eventually ends the tree (tests/unit/supervisor/ending_test.cpp);
 *   - attempts that cannot be started, failing mounts, a supervisor that cannot be started at all, full disks and damaged logs;
 *   - the power cut: the journal and the supervisor's log are assumed to survive every crash;
 *   - the folder of an acknowledged attempt: it is not used again;
 *   - `Executor::start` twice in one server.
 *
 * Each fault that the test can plant, by -D…, is a plausible mistake in the code; spin must find every one of them.
 */
#ifndef FENCES
#define FENCES 2 /* maximum number of attempts of the task */
#endif
#ifndef SERVER_DEATHS
#define SERVER_DEATHS 1
#endif
#ifndef SUPERVISOR_DEATHS
#define SUPERVISOR_DEATHS 1
#endif
#ifndef WARM
#define WARM 1 /* attempts may ask for the fork of an interpreter */
#endif
#ifndef DROPS
#define DROPS 1
#endif
#define SLOTS (FENCES + 1) /* arrays are indexed by fence, 1 and up */

mtype = { attempt, ended };                        /* engine/state.hpp: OperationState::Phase */
mtype = { beginning, running, collecting, removed };  /* executors/process/process_executor.cpp: ActiveAttempt::Stage */
mtype = { begun, forgotten };                      /* supervisor/attempt_log.hpp: AttemptLog; and `ended` */
mtype = { succeeded, failed, cancelled, lost };    /* engine/work.hpp: Outcome::Status */
mtype = { Start, Cancel, List, Acknowledge, Started, Ended, Holding }; /* ipc/supervisor/messages.hpp: requests, answers */
mtype = { nothing, unknown };                      /* used by the model only */

/* The journal. */
mtype phase = attempt;
byte number = 1;
bool stopping;
byte recorded[SLOTS]; /* number of AttemptEnded events */

/* The server; this state is lost when it dies. It concerns the attempt `number`; earlier ones have been acknowledged. */
bool server;
mtype stage = removed;
bool cancel_asked;
bool preparing;         /* the sandbox, between the check of the attempt's state and the Start */
mtype ends = nothing;   /* how it ended, as reported by the supervisor */
mtype outcome = nothing; /* in flight to the driver */
/* … its link */
bool connected, ready;
bool unanswered;        /* a Start without a reply */
bool runs;              /* as last reported by the supervisor */
bool cancels;           /* a Cancel that has not been completed */

/* Messages in flight. There are two connections: the current one, and the previous one, whose server no longer reads. */
byte now;
chan to_supervisor[2] = [4] of { mtype, byte };
chan to_server = [8] of { mtype, byte, mtype };

/* The supervisor; its log (`logged`) survives its death. */
bool supervisor;
bool follows;           /* the current connection has received the list of attempts */
mtype logged[SLOTS] = unknown;
mtype how[SLOTS] = nothing; /* each fence ended */
bool asked[SLOTS];      /* Attempt::cancelled: TERM has been sent, KILL will be */
bool waiting[SLOTS];    /* Attempts::waiting_: asked an interpreter for a fork */
bool forked[SLOTS];     /* … which is there, and does nothing before Interpreters::go */
/* … and the process tree. */
bool living[SLOTS];
bool endless = true;    /* the program never ends by itself */

/* Used for assertions and limits only. */
bool started[SLOTS];
byte server_deaths, supervisor_deaths, drops;
hidden byte i;

#define EACH(do_it) i = 1; do :: i <= FENCES -> do_it; i++ :: else -> break od; i = 0

inline send(what, fence) {
  if
  :: connected -> assert(nfull(to_supervisor[now])); to_supervisor[now]!what, fence
  :: else
  fi
}

inline reply(what, fence, which) {
  assert(nfull(to_server));
  to_server!what, fence, which
}

inline disconnect() {
  connected = false;
  ready = false;
  follows = false;
  do
  :: len(to_server) > 0 -> to_server?_, _, _
  :: len(to_server) == 0 -> break
  od
}

inline hang_up(connection) {
  do
  :: len(to_supervisor[connection]) > 0 -> to_supervisor[connection]?_, _
  :: len(to_supervisor[connection]) == 0 -> break
  od
}

inline supervisor_dies() {
  supervisor_deaths++;
  supervisor = false;
  disconnect();
  hang_up(0);
  hang_up(1);
  /* A fork that waits sees the end of its channel. */
  EACH(asked[i] = false; waiting[i] = false; forked[i] = false)
}

/* recovery.cpp: before a supervisor listens, it kills what its predecessor left, and records those attempts as lost. */
inline recover() {
  EACH(
    if
    :: logged[i] == begun ->
#ifndef FAULT_REPORTS_LOST_BEFORE_IT_IS_DEAD
       living[i] = false;
#endif
       logged[i] = ended;
       how[i] = lost
    :: else
    fi);
  supervisor = true
}

/* The server's steps. Each is one critical section of its module, or one append to the journal. */
proctype Server() {
  mtype what, which;
  byte fence;
end:
  do
  /* Driver::resume: open commands are a function of the state. */
  :: atomic { !server ->
       server = true;
       if
       :: phase == attempt -> stage = beginning; cancel_asked = stopping
       :: else
       fi }

  /* SupervisorLink::connect, when a supervisor is needed, and again when the connection was lost with attempts in progress. */
  :: atomic { server && !connected && (stage == beginning || unanswered || runs) ->
       if
       :: !supervisor -> recover()
       :: else
       fi;
       now = 1 - now;
       hang_up(now);
       connected = true;
       send(List, 0);
#ifdef FAULT_DISCARDS_RUNNING_ATTEMPTS
       runs = false;
#endif
       if
       :: unanswered -> send(Start, number)
       :: else
       fi;
       if
       :: cancels -> send(Cancel, number)
       :: else
       fi }

  /* ProcessExecutor::Impl::begin: reattach to the fence, or start it */
#ifdef FAULT_REATTACHES_WITHOUT_A_CHECK
  :: atomic { server && stage == beginning && connected && !preparing ->
#else
  :: atomic { server && stage == beginning && ready && !preparing ->
#endif
       if
       :: ends != nothing -> stage = collecting
       :: ends == nothing && runs ->
          stage = running;
          if
          :: cancel_asked -> cancels = true; send(Cancel, number)
          :: else
          fi
       :: else ->
          assert(!living[number]);
          preparing = true
       fi }
  :: atomic { server && preparing ->
       preparing = false;
       if
       :: cancel_asked -> outcome = cancelled; stage = removed
       :: else ->
          stage = running;
          unanswered = true;
          send(Start, number)
       fi }

  /* SupervisorLink::on, ProcessExecutor::Impl::on_ended */
  :: atomic { server && connected && nempty(to_server) ->
       to_server?what, fence, which;
       if
       :: what == Holding -> ready = true; runs = (fence >> number) & 1
       :: what == Started && fence == number -> unanswered = false; runs = true
       :: what == Ended && fence == number ->
          unanswered = false;
          runs = false;
          cancels = false;
          ends = which;
          if
          :: stage == running -> stage = collecting
          :: else
          fi
       :: else /* of an attempt that has been acknowledged */
       fi }

  /* ProcessExecutor::Impl::collect and finish */
  :: atomic { server && stage == collecting ->
       stage = removed;
       outcome = ends;
#ifdef FAULT_ACKNOWLEDGES_BEFORE_THE_JOURNAL
       send(Acknowledge, number)
#endif
     }

  /* Driver: the decision (engine/attempts.cpp, finish) is stored, then acknowledged to the executor (acknowledge), then carried out. */
  :: atomic { server && outcome != nothing ->
       fence = number;
       recorded[number]++;
       assert(recorded[number] == 1);
       if
       :: outcome == succeeded || stopping -> phase = ended
       :: outcome != succeeded && !stopping && number < FENCES -> number++
       :: outcome == failed && !stopping -> phase = ended /* no retry is left */
       :: outcome == lost && !stopping && number == FENCES -> phase = ended /* lost_in_a_row_max */
       fi;
       outcome = nothing;
       ends = nothing;
       unanswered = false;
       runs = false;
       cancels = false;
#ifndef FAULT_ACKNOWLEDGES_BEFORE_THE_JOURNAL
       send(Acknowledge, fence);
#endif
       if
       :: phase == attempt -> stage = beginning; cancel_asked = false
       :: else
       fi }
  od
}

/* A user. The Stopping event is in the journal before CancelAttempt is carried out. */
proctype User() {
  if
  :: atomic { server && phase == attempt ->
       stopping = true;
       cancel_asked = true;
       if
       :: stage == running ->
#ifndef FAULT_CANCELS_ONCE
          cancels = true;
#endif
          send(Cancel, number)
       :: else
       fi }
  :: true
  fi
}

/* Attempts::execute, or Interpreters::go. */
inline begin(fence) {
  assert(!started[fence]);
  assert(logged[fence] == begun);
  started[fence] = true;
  assert(!(server && preparing && fence == number));
  EACH(assert(!living[i]); assert(how[i] != succeeded));
  living[fence] = true;
  asked[fence] = false
}

/* Attempts::start. */
inline start(fence) {
  if
#ifndef FAULT_STARTS_UNRECORDED
  :: logged[fence] == begun -> if :: reachable -> reply(Started, fence, nothing) :: else fi
  :: logged[fence] == ended -> if :: reachable -> reply(Ended, fence, how[fence]) :: else fi
  :: logged[fence] == forgotten -> if :: reachable -> reply(Ended, fence, lost) :: else fi
  :: logged[fence] == unknown ->
#else
  :: true ->
#endif
     logged[fence] = begun;
     if
     :: begin(fence);
        if :: reachable -> reply(Started, fence, nothing) :: else fi
     :: WARM ->
        waiting[fence] = true;
        if :: reachable -> reply(Started, fence, nothing) :: else fi
     :: supervisor_deaths < SUPERVISOR_DEATHS -> supervisor_dies() /* between the log entry and the fork */
     fi
  fi
}

inline receive(what, fence) {
  if
  :: what == Start -> start(fence)
  :: what == Cancel ->
     if
     :: living[fence] -> asked[fence] = true
     :: waiting[fence] -> /* Attempts::end_waiting */
        waiting[fence] = false;
#ifndef FAULT_KEEPS_THE_FORK_OF_A_CANCELLED_ATTEMPT
        forked[fence] = false;
#endif
        logged[fence] = ended;
        how[fence] = cancelled;
        if
        :: follows -> reply(Ended, fence, cancelled)
        :: else
        fi
     :: else
     fi
  :: what == Acknowledge ->
     if
     :: logged[fence] == ended -> logged[fence] = forgotten
     :: else
     fi
  :: what == List && reachable ->
#ifndef FAULT_ACCEPTS_MESSAGES_OF_A_DEAD_SERVER
     hang_up(1 - now);
#endif
     EACH(
       if
       :: logged[i] == ended -> reply(Ended, i, how[i])
       :: logged[i] == begun -> held = held | (1 << i)
       :: else
       fi);
     follows = true;
     reply(Holding, held, nothing)
  :: what == List && !reachable
  fi
}

proctype Supervisor() {
  mtype what;
  byte fence, held, from;
  bool reachable; /* the sender's connection is still open */
end:
  do
  :: atomic { supervisor && len(to_supervisor[0]) + len(to_supervisor[1]) > 0 ->
       if
       :: nempty(to_supervisor[0]) -> from = 0
       :: nempty(to_supervisor[1]) -> from = 1
       fi;
       to_supervisor[from]?what, fence;
       reachable = connected && from == now;
       receive(what, fence);
       held = 0 }
  od
}

/* The interpreter that was asked for `fence`. */
proctype Interpreter(byte fence) {
end:
  do
  :: atomic { supervisor && waiting[fence] && !forked[fence] ->
       forked[fence] = true
#ifdef FAULT_RUNS_BEFORE_IT_MAY
       ; begin(fence)
#endif
     }
#ifdef FAULT_KEEPS_THE_FORK_OF_A_CANCELLED_ATTEMPT
  :: atomic { supervisor && forked[fence] -> waiting[fence] = false; forked[fence] = false; begin(fence) }
#endif
  :: atomic { supervisor && waiting[fence] && forked[fence] ->
       waiting[fence] = false;
       forked[fence] = false;
       begin(fence) }
  /* It has died, has a second thread, or takes too long: Attempts::on_no_fork. */
  :: atomic { supervisor && waiting[fence] ->
       waiting[fence] = false;
       forked[fence] = false;
       begin(fence) }
  od
}

/* The process tree of the attempt `fence`. Its end is written to the log, then reported (Attempts::finish). */
proctype Tree(byte fence) {
end:
  do
  :: atomic { supervisor && living[fence] && (asked[fence] || !endless) ->
       living[fence] = false;
       logged[fence] = ended;
       if
       :: asked[fence] -> how[fence] = cancelled
       :: !asked[fence] -> how[fence] = succeeded
       :: !asked[fence] -> how[fence] = failed
       fi;
       if
       :: follows -> reply(Ended, fence, how[fence])
       :: else
       fi }
  od
}

/* Crashes, at most as many as configured. */
proctype Crashes() {
  do
  :: atomic { server && server_deaths < SERVER_DEATHS ->
       server_deaths++;
       server = false;
       stage = removed;
       cancel_asked = false;
       preparing = false;
       ends = nothing;
       outcome = nothing;
       unanswered = false;
       runs = false;
       cancels = false;
       disconnect() }
  :: atomic { supervisor && supervisor_deaths < SUPERVISOR_DEATHS -> supervisor_dies() }
  :: atomic { connected && drops < DROPS ->
       drops++;
       disconnect();
       hang_up(now) }
  :: break
  od
}

init {
  atomic {
    if
    :: endless = false
    :: true
    fi;
    run Server();
    run User();
    run Supervisor();
    EACH(run Tree(i));
    EACH(run Interpreter(i));
    run Crashes()
  }
}

ltl it_ends { [] ((stopping || !endless) -> <> (phase == ended)) }
