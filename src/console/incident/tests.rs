//! The tabs: nobody joined, checks made, signed and waived, what keeps it open, notes, and hostile texts.
