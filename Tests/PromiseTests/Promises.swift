import Testing

/// What the clinic promises, a file for each. One after the other: some of them want the whole machine.
@Suite(.serialized) struct Promises {}
