//! The bugs that the server can have, and how each is found.

use histcheck::Name;

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A deleted message can be changed.
    DeletedChanged,
    /// Others may edit and delete a message.
    EditByOthers,
    /// A reaction that is there is added again.
    ReactedTwice,
    /// The count in the event is that before it.
    CountBefore,
    /// A place in a thread is left out.
    ThreadHole,
    /// A place in a thread is given twice.
    ThreadRepeat,
    /// The key of a change is not kept, so that a retry makes another event.
    KeyForgotten,
    /// The text of a deleted message stays in the log.
    TextKept,
    /// The texts of its edits do.
    EditKept,
    /// A deleted message is served with its text.
    TombstoneKeepsText,
    /// Messages of threads are in the room's history.
    ThreadInHistory,
    /// One's own messages count as unread.
    UnreadCountsOwn,
    /// Messages of threads do.
    UnreadCountsThreads,
    /// Deleted messages do.
    UnreadCountsDeleted,
    /// What an edit says is left out when mentions are counted.
    MentionsAsSent,
    /// A message does not raise its user's mark.
    MarkForgotten,
    /// A mark goes back to what a device says.
    MarkOverwritten,
    /// A mark is set behind what was asked.
    MarkBehind,
    /// An ok without an event.
    ChangeLost,
    /// A refused change is done.
    RefusedDone,
    /// The page has the pins, edits and so on of a moment before its head.
    PageBehindItsHead,
    /// The list of edits lacks the newest.
    EditsLackOne,
    /// The list of reactions lacks one.
    ReactionsLackOne,
    /// A pinned message is not in the list.
    PinsLackOne,
    /// The newest message of a thread is not in the thread's page.
    ThreadLacksOne,
    /// What is served is marked as edited once too often.
    EditsMiscounted,
    /// Somebody else's reaction is shown as one's own.
    NotMine,
    /// A missed message is told as erased, though nobody deleted it.
    ErasedForNothing,
    /// A pinned message is pinned again.
    PinnedTwice,
    /// A message of a thread has a thread of its own.
    ThreadInThread,
    /// A page says that there is more after it when there is not.
    MoreThanThereIs,
    /// The answer to a reaction tells another count than its event.
    CountOfAnswerOff,
    /// A retry of a send is told the message as it is, not as it was sent.
    ReplayTellsNow,
    /// A mark is heard that is lower than one heard before.
    MarkHeardBack,
    /// The list of rooms has the message before the last.
    LastMessageOld,
    /// The ok of a change tells the number before its own.
    NumberOfChangeOff,
    /// The event of a change tells no key.
    KeyNotTold,
}

impl Bug {
    pub(crate) const ALL: [(Self, Name); 37] = [
        (Self::DeletedChanged, Name::UnlawfulEvent),
        (Self::EditByOthers, Name::UnlawfulEvent),
        (Self::ReactedTwice, Name::UnlawfulEvent),
        (Self::CountBefore, Name::WrongCount),
        (Self::ThreadHole, Name::ThreadOrder),
        (Self::ThreadRepeat, Name::ThreadOrder),
        (Self::KeyForgotten, Name::DuplicateKey),
        (Self::TextKept, Name::DeletedText),
        (Self::EditKept, Name::DeletedText),
        (Self::TombstoneKeepsText, Name::DeletedText),
        (Self::ThreadInHistory, Name::FoldMismatch),
        (Self::UnreadCountsOwn, Name::WrongUnread),
        (Self::UnreadCountsThreads, Name::WrongUnread),
        (Self::UnreadCountsDeleted, Name::WrongUnread),
        (Self::MentionsAsSent, Name::WrongUnread),
        (Self::MarkForgotten, Name::MarkWentBack),
        (Self::MarkOverwritten, Name::MarkWentBack),
        (Self::MarkBehind, Name::MarkWentBack),
        (Self::ChangeLost, Name::OkWithoutStore),
        (Self::RefusedDone, Name::Phantom),
        (Self::PageBehindItsHead, Name::FoldMismatch),
        (Self::EditsLackOne, Name::FoldMismatch),
        (Self::ReactionsLackOne, Name::FoldMismatch),
        (Self::PinsLackOne, Name::FoldMismatch),
        (Self::ThreadLacksOne, Name::FoldMismatch),
        (Self::EditsMiscounted, Name::FoldMismatch),
        (Self::NotMine, Name::FoldMismatch),
        (Self::ErasedForNothing, Name::FoldMismatch),
        (Self::PinnedTwice, Name::UnlawfulEvent),
        (Self::ThreadInThread, Name::UnlawfulEvent),
        (Self::MoreThanThereIs, Name::FoldMismatch),
        (Self::CountOfAnswerOff, Name::WrongCount),
        (Self::ReplayTellsNow, Name::Fork),
        (Self::MarkHeardBack, Name::MarkWentBack),
        (Self::LastMessageOld, Name::FoldMismatch),
        (Self::NumberOfChangeOff, Name::Fork),
        (Self::KeyNotTold, Name::Phantom),
    ];
}
