from django.db import models


class Wish(models.Model):
    text = models.CharField(max_length=200)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-made_at"]
        verbose_name_plural = "wishes"

    def __str__(self):
        return self.text
