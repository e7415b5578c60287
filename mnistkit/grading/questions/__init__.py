"""Questions to students about their own code and numbers, with answers for the teacher."""
