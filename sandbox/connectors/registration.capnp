# What cloudflared 2026.8.2 calls on the edge. Only the number of the interface and the order of
# methods and fields travel; the names are this project's own.
@0xd9f3c86a1b7e4520;

interface Edge @0xf71695ec7fe85497 {
  registerConnection @0 (
    account :Account,
    tunnelId :Data,
    number :UInt8,
    options :Options
  ) -> (result :Answer);
  unregisterConnection @1 ();
  updateLocalConfiguration @2 (json :Data);
}

struct Account {
  id @0 :Text;
  secret @1 :Data;
}

struct Options {
  client @0 :Client;
  localAddress @1 :Data;
  replacesExisting @2 :Bool;
  compression @3 :UInt8;
  earlierAttempts @4 :UInt8;
}

struct Client {
  connectorId @0 :Data;
  features @1 :List(Text);
  version @2 :Text;
  arch @3 :Text;
}

struct Answer {
  result :union {
    refusal @0 :Refusal;
    accepted @1 :Accepted;
  }
}

struct Refusal {
  cause @0 :Text;
  retryAfter @1 :Int64;
  shouldRetry @2 :Bool;
}

struct Accepted {
  connectionId @0 :Data;
  location @1 :Text;
  remotelyManaged @2 :Bool;
}
